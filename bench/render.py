"""Tables for the terminal, at whatever width it has."""

import re
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from .columns import ACCURACY, COLUMNS, COST, Column
from .grid import Grid, Line, grid_of
from .status import Status
from .tables import Table

_STYLES = {Status.OK: "green", Status.MAX_STEPS: "yellow"}
_LABEL_WIDTH = 26


def render_table(table: Table, width: int) -> RenderableType:
    """Return a table for `width` characters: in one part, or accuracy above cost where that is too wide.

    Readable from 80 characters. Caveat: a label longer than 26 characters is folded at its brackets and
    commas.
    """
    grid = grid_of(table, COLUMNS)
    whole = _part(grid, COLUMNS, COLUMNS)
    parts = [whole] if _width(whole) <= width else [_part(grid, COLUMNS, part) for part in (ACCURACY, COST)]
    notes = [_note(number, text) for number, text in enumerate(grid.notes, start=1)]
    return Group(Text(grid.title, style="bold"), *parts, *notes, Text())


def _part(grid: Grid, columns: Sequence[Column], shown: Sequence[Column]) -> RichTable:
    """Return some of the grid's columns; solvers are headings of the rows below them."""
    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("solver\n  method", no_wrap=True)
    table.add_column("max\nsteps", justify="right", no_wrap=True)
    for column in shown:
        table.add_column(column.heading.replace(" ", "\n"), justify="right", no_wrap=True, vertical="top")
    table.add_column("status", no_wrap=True)
    solver = None
    for line in grid.lines:
        if line.solver != solver:
            table.add_row(Text(fold(line.solver, _LABEL_WIDTH), style="bold"))
        solver = line.solver
        table.add_row(*_row(line, [columns.index(column) for column in shown]))
    return table


def _row(line: Line, indices: Sequence[int]) -> list[Text]:
    """Return one row's texts."""
    method = Text("  " + fold(line.method, _LABEL_WIDTH).replace("\n", "\n  "))
    cells = [Text(line.cells[index]) for index in indices]
    style = "yellow" if "/" in line.status else _STYLES.get(Status(line.status.split()[0]), "red")
    return [method, Text(line.budget), *cells, Text(line.status, style=style)]


def _note(number: int, text: str) -> RenderableType:
    """Return a numbered sentence; its further lines are indented."""
    row = RichTable.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(f"[{number}]"), Text(text))
    return Padding(row, (0, 0, 0, 1))


def _width(table: RichTable) -> int:
    """Return the width that a table would like to have."""
    console = Console(width=1000)
    return console.measure(table).maximum


def fold(text: str, width: int) -> str:
    """Break a repr after brackets, commas and equals signs into lines of `width` where possible."""
    lines = [""]
    for piece in re.findall(r"[^(,=]+[(,=]? ?|[(,=] ?", text):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("  ")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
