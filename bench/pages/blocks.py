"""What a page for a browser is made of, one kind of block after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..report.text_table import TextTable


@dataclass(frozen=True)
class Words:
    """A paragraph, behind a word in bold where `label` has one; a warning is shown as one."""

    text: str
    label: str = ""
    warning: bool = False
    kind: ClassVar[str] = "words"


@dataclass(frozen=True)
class PlainTable:
    """A table of text."""

    table: TextTable
    kind: ClassVar[str] = "table"

    @property
    def rows(self) -> list[list[tuple[str, bool]]]:
        """The cells of each line, each with whether it holds words."""
        words = self.table.are_words()
        return [list(zip(line, words, strict=True)) for line in self.table.lines]


@dataclass(frozen=True)
class Drawing:
    """A picture, PNG in base64, with what a reader who does not see it is told."""

    heading: str
    alt: str
    png: str
    kind: ClassVar[str] = "drawing"


@dataclass(frozen=True)
class Chart:
    """A chart of several views, of which a reader chooses one.

    Attributes:
        name: that no other chart of the page has; letters and dashes.
        heading: above it.
        text: what is drawn, for everybody.
        choice: what a view is one of.
        views: each a name, and traces and axes in plotly's words.
    """

    name: str
    heading: str
    text: str
    choice: str
    views: Sequence[Mapping[str, Any]]
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class RecordTable:
    """All records, to be sorted and filtered.

    Attributes:
        text: how many there are, and how many of them the page has.
        columns: each a name, a heading, whether it holds numbers, whether it is shown or only looked up.
        rows: the values, one per column.
    """

    text: str
    columns: Sequence[Mapping[str, Any]]
    rows: Sequence[Sequence[Any]]
    kind: ClassVar[str] = "records"

    @property
    def content(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {"columns": self.columns, "rows": self.rows}


Block = Words | PlainTable | Drawing | Chart | RecordTable


@dataclass(frozen=True)
class Document:
    """A page for a browser: its title and its blocks."""

    title: str
    blocks: Sequence[Block]
