"""Files of one JSON object a line: read whatever befell them, name what cannot be read, and set it aside."""

import contextlib
import gc
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from ..errors import UserError, unwritable
from .durable import append_durably, refuse_special, replace_durably, sync_folder
from .strict_json import BYTE_ORDER_MARK

_Entry = TypeVar("_Entry")


class BadLine(NamedTuple):
    """Name a line that yields nothing: its file, its number (from 1) and why."""

    file: str
    number: int
    reason: str

    def __str__(self) -> str:
        """Return `file:number: reason`, as compilers do."""
        return f"{self.file}:{self.number}: {self.reason}"


@dataclass(frozen=True)
class Lines(Generic[_Entry]):
    """Hold what a file yields: its entries by their lines' numbers, and the lines that yield none."""

    entries: dict[int, _Entry]
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True)
class LineFile(Generic[_Entry]):
    """Read, append to and mend a file of entries, each on a line of its own.

    A line that yields no entry is named by whoever reads and set aside by whoever writes; none is ever
    deleted. Of entries with the same name the last is kept, and each earlier one is such a line.

    Attributes:
        path: the file.
        parse: turns a line into an entry; raises `ValueError` with what is wrong with it.
        name: names an entry, such as "case 'a'"; no two entries of a file share a name.
    """

    path: Path
    parse: Callable[[bytes], _Entry]
    name: Callable[[_Entry], str]

    @property
    def rejected(self) -> Path:
        """The file beside it that holds what was set aside."""
        return self.path.with_name(f"{self.path.stem}.rejected{self.path.suffix}")

    def read(self) -> Lines[_Entry]:
        """Return every entry, in the order of the file, and every line that is none.

        A last line without its newline is an entry if it is whole. Raises `UserError` if there is no readable
        file.
        """
        with _uncollected():
            return self._read()

    def _read(self) -> Lines[_Entry]:
        found: dict[int, _Entry] = {}
        numbers: dict[str, int] = {}
        bad = []
        try:
            for number, line in self._lines():
                try:
                    entry = self.parse(line)
                except ValueError as error:
                    torn = "" if line.endswith(b"\n") else "torn: no newline at its end; "
                    bad.append(BadLine(str(self.path), number, f"{torn}{error}"))
                    continue
                name = self.name(entry)
                if name in numbers:
                    del found[numbers[name]]
                    bad.append(self._repeated(numbers[name], name, number))
                found[number], numbers[name] = entry, number
        except OSError as error:
            reason = f"cannot read {self.path}: {error.strerror}"
            raise UserError(f"{reason}; the folder of a run or of a reproduction is accepted") from error
        return Lines(found, tuple(sorted(bad)))

    def repair(self) -> tuple[BadLine, ...]:
        """Set aside the lines that yield nothing, and return them; the others are kept to the byte.

        They are safe in the file of rejected lines before the file is replaced: a kill at any moment loses
        none. The file is made if there is none. Raises `OSError` if the folder cannot be written.
        """
        self.path.touch()
        sync_folder(self.path.parent)
        read = self.read()
        found, bad = read.entries, read.bad_lines
        kept = [line for number, line in self._lines() if number in found]
        if bad:
            lines = [line for number, line in self._lines() if number not in found]
            _set_aside(self.rejected, [_ended(line) for line in lines])
        if bad or (kept and not kept[-1].endswith(b"\n")):
            replace_durably(self.path, b"".join(map(_ended, kept)))
        return bad

    def append(self, line: str) -> None:
        """Write one entry as one full line, and return once it is on the disk.

        Raises `UserError` if it cannot be written whole, for instance on a full disk; the file is then as it
        was before.
        """
        try:
            append_durably(self.path, line.encode() + b"\n")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line with its newline); split at newlines only, which JSON text never holds."""
        refuse_special(self.path)
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = line
                while content.startswith(BYTE_ORDER_MARK):  # of files put together, each has its own
                    content = content.removeprefix(BYTE_ORDER_MARK)
                if content:
                    yield number, content

    def _repeated(self, number: int, name: str, again: int) -> BadLine:
        return BadLine(str(self.path), number, f"{name} is there again on line {again}; the last is kept")


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Hold Python's search for cycles, which looks at all entries over and over as they grow in number."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n"


def _set_aside(path: Path, lines: list[bytes]) -> None:
    """Add lines to the file of rejected ones, each once even if an earlier repair was killed."""
    before = path.read_bytes() if path.exists() else b""
    before = _ended(before) if before else before
    present = set(io.BytesIO(before))
    replace_durably(path, before + b"".join(line for line in lines if line not in present))
