"""The append-only journal of a run or a reproduction: readable whatever killed the writer."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import unwritable
from .durable import append_durably
from .line import Line
from .line_file import BadLine, Lines, mend, read_lines
from .lock import exclusive

_Entry = TypeVar("_Entry", bound=Line)


@dataclass(frozen=True)
class Journal(Generic[_Entry]):
    """Read a file of one entry per line, and hand out its one writer.

    Reading needs no lock and changes nothing, so that tables can be made while a run goes on. A line that
    yields no entry is named by whoever reads and set aside by whoever writes; none is ever deleted.

    Attributes:
        path: the file, such as `records.jsonl` in a run's folder.
        kind: what a line of it stands for: `Record` or `ReproducedCase`.
    """

    path: Path
    kind: type[_Entry]

    @property
    def rejected(self) -> Path:
        """The file beside it that holds the lines which were set aside."""
        return self.path.with_name(f"{self.path.stem}.rejected{self.path.suffix}")

    def read(self) -> Lines[_Entry]:
        """Return every entry, in the order of the file, and every line that yields none.

        Raises:
            UserError: if there is no readable file.
        """
        return read_lines(self.path, self.kind)

    @contextlib.contextmanager
    def writer(self) -> Iterator["JournalWriter[_Entry]"]:
        """Open the journal for writing: make the folder, take its lock, set aside what cannot be read.

        Raises:
            UserError: if the folder cannot be written, or if another process is writing there.
        """
        with exclusive(self.path.parent):
            try:
                before = mend(self.path, self.kind, self.rejected)
            except OSError as error:
                raise unwritable(self.path, error) from error
            yield JournalWriter(self, before.entries, before.bad_lines)


@dataclass(frozen=True)
class JournalWriter(Generic[_Entry]):
    """Append entries to a journal; made by `Journal.writer` alone, which holds the lock.

    Attributes:
        journal: what is written to.
        before: the entries that were there when it was opened.
        rejected: the lines that were set aside when it was opened.
    """

    journal: Journal[_Entry]
    before: tuple[_Entry, ...]
    rejected: tuple[BadLine, ...]

    def append(self, entry: _Entry) -> None:
        """Write one entry as one full line, and return once it is on the disk.

        Raises:
            UserError: if it cannot be written whole, for instance on a full disk; the journal is then as it
                was before.
        """
        self.append_all([entry])

    def append_all(self, entries: Sequence[_Entry]) -> None:
        """Write entries as full lines with one write, and return once they are on the disk.

        Raises:
            UserError: if they cannot be written whole; the journal is then as it was before.
        """
        path = self.journal.path
        try:
            append_durably(path, b"".join(entry.to_line().encode() + b"\n" for entry in entries))
        except OSError as error:
            raise unwritable(path, error) from error
