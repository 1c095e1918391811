"""What one line of a journal stands for."""

from typing import Protocol, Self, runtime_checkable


@runtime_checkable
class Line(Protocol):
    """An entry that is written as one line of strict JSON and read back from it.

    `Record` is that of a run, `ReproducedCase` that of a reproduction.
    """

    def line_name(self) -> str:
        """Name the entry, such as "case 'a'"; of two lines with one name a journal keeps the last."""
        ...

    def to_line(self) -> str:
        """Return the entry as one line of strict JSON, without the newline at its end."""
        ...

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read an entry from its line; raise `UserError` with what is wrong with it."""
        ...
