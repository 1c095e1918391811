"""Tables on standard output."""

from collections.abc import Iterable

from rich.console import Console

from ..record import Record
from ..render import render_table
from ..tables import make_tables

PIPED_WIDTH = 160


def print_tables(records: Iterable[Record]) -> None:
    """Print a table a problem, as wide as the terminal; 160 characters where there is none."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    for table in make_tables(records):
        console.print(render_table(table, console.width))
