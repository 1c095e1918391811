"""Tables on standard output."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from ..records.line_file import BadLine
from .frontier_page import render_frontiers
from .render import render_table
from .tables import Report

PIPED_WIDTH = 180


def print_tables(report: Report) -> None:
    """Print a table a problem, and the frontier of a sweep.

    They are as wide as the terminal; 180 characters where there is none.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    for table in report.tables:
        console.print(render_table(table, console.width))
    if any(record.sweep for record in report.records):
        console.print(render_frontiers(report.records))


def print_lines(what: str, lines: Iterable[BadLine]) -> None:
    """Name on standard error the lines that yield nothing, and what became of them."""
    messages = Console(stderr=True, highlight=False)
    for line in lines:
        messages.print(Text(f"{what}: {line}"), soft_wrap=True)
