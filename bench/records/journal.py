"""The append-only journal of a run: one line a measurement, readable whatever killed the writer."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError, unwritable
from .line_file import BadLine, LineFile
from .record import Record

JOURNAL = "records.jsonl"
LOCK = "records.lock"


class Reading(NamedTuple):
    """Hold what a journal's file yields: its records, and the lines that yield none."""

    records: tuple[Record, ...]
    bad_lines: tuple[BadLine, ...]


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

    @property
    def lines(self) -> LineFile[Record]:
        """The journal as a file of records, each named by its id."""
        return LineFile(self.path, Record.from_line, lambda record: f"record {record.id}")

    def read(self) -> Reading:
        """Return every good record, in the order of the file, and every bad line.

        Of records with the same id the last is kept; each earlier one is named among the bad
        lines. Raises `UserError` if there is no readable journal.
        """
        read = self.lines.read()
        return Reading(tuple(read.entries.values()), read.bad_lines)

    @contextlib.contextmanager
    def writer(self) -> Iterator["JournalWriter"]:
        """Open the journal for writing: make the folder, take the lock, set aside what cannot be read.

        Raises `UserError` if the folder cannot be written, or if another run is writing there. The lock
        goes with the process, however that ends.
        """
        with exclusive(Path(self.folder)):
            try:
                rejected = self.lines.repair()
            except OSError as error:
                raise unwritable(self.path, error) from error
            yield JournalWriter(self.lines, rejected)


@dataclass(frozen=True)
class JournalWriter:
    """Append records to a journal; made by `Journal.writer` alone, which holds the lock.

    Attributes:
        lines: the journal's file.
        rejected: the lines that were set aside when it was opened.
    """

    lines: LineFile[Record]
    rejected: tuple[BadLine, ...]

    def append(self, record: Record) -> None:
        """Write one record as one full line, and return once it is on the disk.

        Raises `UserError` if it cannot be written whole, for instance on a full disk; the journal is
        then as it was before.
        """
        self.lines.append(record.to_line())


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
