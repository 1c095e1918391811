"""Tables on standard output."""

from collections.abc import Iterable

from rich.console import Console

from ..frontier_page import render_frontiers
from ..record import Record
from ..render import render_table
from ..tables import make_tables

PIPED_WIDTH = 160


def print_tables(records: Iterable[Record]) -> None:
    """Print a table a problem, and the frontier of a sweep.

    They are as wide as the terminal; 160 characters where there is none.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    kept = list(records)
    for table in make_tables(kept):
        console.print(render_table(table, console.width))
    if any(record.sweep for record in kept):
        console.print(render_frontiers(kept))
