"""Files of one JSON object per line: what cannot be read in them is named, and set aside."""

import contextlib
import gc
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from ..errors import UserError
from .durable import refuse_special, replace_durably, sync_folder
from .line import Line
from .strict_json import BYTE_ORDER_MARK

_Entry = TypeVar("_Entry", bound=Line)


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

    by_number: dict[int, _Entry]
    bad_lines: tuple[BadLine, ...]

    @property
    def entries(self) -> tuple[_Entry, ...]:
        """The entries, in the order of the file."""
        return tuple(self.by_number.values())


def read_lines(path: Path, kind: type[_Entry]) -> Lines[_Entry]:
    """Return every entry of a file, in its order, and every line that is none.

    Of entries with the same name the last is kept; each earlier one is named among the bad lines. A last line
    without its newline is an entry if it is whole.

    Raises:
        UserError: if there is no readable file.
    """
    try:
        with uncollected():
            return _read(path, kind)
    except OSError as error:
        reason = f"cannot read {path}: {error.strerror}"
        raise UserError(f"{reason}; the folder of a run or of a reproduction is accepted") from error


def mend(path: Path, kind: type[_Entry], aside: Path) -> Lines[_Entry]:
    """Move the lines that yield nothing to the file `aside`; return what was read before.

    The others are kept to the byte. What is set aside is safe before the file is replaced: a kill at any
    moment loses no line. The file is made if there is none.

    Raises:
        OSError: if the folder cannot be written.
    """
    path.touch()
    sync_folder(path.parent)
    read = read_lines(path, kind)
    kept = [line for number, line in _numbered(path) if number in read.by_number]
    if read.bad_lines:
        _set_aside(aside, [_ended(line) for number, line in _numbered(path) if number not in read.by_number])
    if read.bad_lines or (kept and not kept[-1].endswith(b"\n")):
        replace_durably(path, b"".join(map(_ended, kept)))
    return read


def _read(path: Path, kind: type[_Entry]) -> Lines[_Entry]:
    entries: dict[int, _Entry] = {}
    numbers: dict[str, int] = {}
    bad = []
    for number, line in _numbered(path):
        try:
            entry = kind.from_line(line)
        except ValueError as error:
            torn = "" if line.endswith(b"\n") else "torn: no newline at its end; "
            bad.append(BadLine(str(path), number, f"{torn}{error}"))
            continue
        name = entry.line_name()
        if name in numbers:
            del entries[numbers[name]]
            again = f"{name} is there again on line {number}; the last is kept"
            bad.append(BadLine(str(path), numbers[name], again))
        entries[number], numbers[name] = entry, number
    return Lines(entries, tuple(sorted(bad)))


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line with its newline); split at newlines only, which JSON text never holds."""
    refuse_special(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            content = line
            while content.startswith(BYTE_ORDER_MARK):  # of files put together, each has its own
                content = content.removeprefix(BYTE_ORDER_MARK)
            if content:
                yield number, content


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Hold Python's search for cycles, which looks at all entries over and over as they grow in number.

    It begins with what was made meanwhile: who goes on with a hundred thousand entries holds it for longer.
    """
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
