"""The append-only journal of a run: one line a measurement, readable whatever killed the writer."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .durable import append_durably, replace_durably, sync_folder
from .errors import UserError, unwritable
from .record import Record

JOURNAL = "records.jsonl"
REJECTED = "records.rejected.jsonl"
LOCK = "records.lock"
_TORN = "torn: no newline at its end, so its write was cut off"


class BadLine(NamedTuple):
    """Name a line that yields no record: its file, its number (from 1) and why."""

    file: str
    number: int
    reason: str

    def __str__(self) -> str:
        """Return `file:number: reason`, as compilers do."""
        return f"{self.file}:{self.number}: {self.reason}"


class Reading(NamedTuple):
    """Hold what a journal's file yields: its records, and the lines that yield none."""

    records: tuple[Record, ...]
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True)
class Repair:
    """Say what was mended: the torn tail that was cut off, and the lines that were set aside."""

    torn: BadLine | None = None
    rejected: tuple[BadLine, ...] = ()


@dataclass(frozen=True)
class Journal:
    """Read `records.jsonl` in a run's folder, and hand out its one writer.

    Reading needs no lock and changes nothing, so that tables can be made while a run goes on.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The journal's file."""
        return Path(self.folder) / JOURNAL

    def read(self) -> Reading:
        """Return every good record, in the order of the file, and every bad line.

        Of records with the same id the last is kept; each earlier one is named among the bad
        lines. Raises `UserError` if there is no readable journal.
        """
        content = _content(self.path)
        kept: dict[str, tuple[int, Record]] = {}
        bad: list[BadLine] = []
        for number, line in _numbered(content):
            parsed = _parse(self.path, number, line)
            if isinstance(parsed, BadLine):
                bad.append(parsed)
                continue
            if parsed.id in kept:
                bad.append(_repeated(self.path, kept.pop(parsed.id)[0], parsed.id, number))
            kept[parsed.id] = number, parsed
        return Reading(tuple(record for _, record in kept.values()), tuple(sorted(bad)))

    @contextlib.contextmanager
    def writer(self) -> Iterator["JournalWriter"]:
        """Open the journal for writing: make the folder, take the lock, repair what a kill left.

        Raises `UserError` if the folder cannot be written, or if another run is writing there. The lock
        goes with the process, however that ends.
        """
        with exclusive(Path(self.folder)):
            try:
                repair = _repair(self.path)
            except OSError as error:
                raise unwritable(self.path, error) from error
            yield JournalWriter(self.path, repair)


@dataclass(frozen=True)
class JournalWriter:
    """Append records to a journal; made by `Journal.writer` alone, which holds the lock."""

    path: Path
    repair: Repair = field(default_factory=Repair)

    def append(self, record: Record) -> None:
        """Write one record as one full line, and return once it is on the disk.

        Raises `UserError` if it cannot be written whole, for instance on a full disk; the journal is
        then as it was before.
        """
        try:
            append_durably(self.path, record.to_line().encode() + b"\n")
        except OSError as error:
            raise unwritable(self.path, error) from error


def _content(path: Path) -> bytes:
    """Return the journal's bytes; raise `UserError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; the folder of a run is accepted") from error


def _numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line with its newline); split at newlines only, which JSON text never holds."""
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        yield number, line + b"\n"
    if lines[-1]:
        yield len(lines), lines[-1]


def _parse(path: Path, number: int, line: bytes) -> Record | BadLine:
    """Return the record on a line, or what is wrong with it."""
    if not line.endswith(b"\n"):
        return BadLine(str(path), number, _TORN)
    try:
        return Record.from_line(line.decode())
    except ValueError as error:  # UnicodeDecodeError is one too
        return BadLine(str(path), number, str(error))


def _repeated(path: Path, number: int, identity: str, again: int) -> BadLine:
    """Name the earlier one of two records with the same id."""
    return BadLine(str(path), number, f"record {identity} is there again on line {again}; the last is kept")


def _repair(path: Path) -> Repair:
    """Cut off a torn tail and set corrupt lines aside, so that every line left is a record.

    The corrupt lines are safe in `records.rejected.jsonl` before the journal is replaced: a kill at any
    moment loses neither.
    """
    path.touch()
    sync_folder(path.parent)
    good: list[bytes] = []
    rejected: list[tuple[BadLine, bytes]] = []
    torn = None
    for number, line in _numbered(path.read_bytes()):
        parsed = _parse(path, number, line)
        if isinstance(parsed, Record):
            good.append(line)
        elif parsed.reason == _TORN:
            torn = parsed
        else:
            rejected.append((parsed, line))
    if rejected:
        _set_aside(path.with_name(REJECTED), [line for _, line in rejected])
    if rejected or torn:
        replace_durably(path, b"".join(good))
    return Repair(torn, tuple(bad for bad, _ in rejected))


def _set_aside(path: Path, lines: list[bytes]) -> None:
    """Add lines to the file of rejected ones, each once even if an earlier repair was killed."""
    before = path.read_bytes() if path.exists() else b""
    present = {line for _, line in _numbered(before)}
    replace_durably(path, before + b"".join(line for line in lines if line not in present))


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raise `UserError` if another process holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)  # closing releases the lock


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock at once; raise `UserError` if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"another run is writing to {folder}; wait for it, or give another folder") from error
