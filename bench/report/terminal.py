"""Text tables, messages and the width of standard output."""

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ..records.line_file import BadLine
from .text_table import TextTable

_PIPED_WIDTH = 180


def standard_output() -> Console:
    """Return a console as wide as the terminal; 180 characters wide where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def terminal_table(table: TextTable) -> RenderableType:
    """Return heading, paragraph, table, notes and remarks."""
    notes = [numbered_note(number, note) for number, note in enumerate(table.notes, start=1)]
    remarks = [Text(f"- {remark}") for remark in table.remarks]
    text = [Text(table.text)] if table.text else []
    return Group(Text(table.heading, style="bold"), *text, bare_table(table), *notes, *remarks, Text())


def bare_table(table: TextTable) -> RichTable:
    """Return the table alone; a cell that is too long is folded."""
    rich = compact_table()
    for column, words in zip(table.columns, table.are_words(), strict=True):
        rich.add_column(column, justify="left" if words else "right", overflow="fold")
    for line in table.lines:
        rich.add_row(*map(Text, line))
    return rich


def compact_table() -> RichTable:
    """Return a table without columns, in the style of all tables: a line below the head, no frame."""
    return RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def numbered_note(number: int, text: str) -> RenderableType:
    """Return a numbered sentence; its further lines are indented."""
    row = RichTable.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(f"[{number}]"), Text(text))
    return Padding(row, (0, 0, 0, 1))


def print_lines(what: str, lines: Iterable[BadLine]) -> None:
    """Name on standard error the lines that yield nothing, and what became of them."""
    messages = Console(stderr=True, highlight=False)
    for line in lines:
        messages.print(Text(f"{what}: {line}"), soft_wrap=True)
