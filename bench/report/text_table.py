"""A table as text, ready for any of its writers: the terminal, Markdown, CSV."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """Hold a table whose cells are text.

    Attributes:
        heading: one line above it.
        text: a paragraph between heading and table; empty for none.
        columns: the headings of the columns.
        lines: one text per column, for every row.
        words: columns that hold words; they and the first are aligned left, all others hold numbers.
        notes: sentences below the table; a mark such as [1] in a cell stands for the first of them.
        remarks: further sentences below the table, which no mark refers to.
    """

    heading: str
    text: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    words: Collection[str] = ()
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()

    def are_words(self) -> list[bool]:
        """Tell of every column whether it holds words."""
        return [number == 0 or column in self.words for number, column in enumerate(self.columns)]
