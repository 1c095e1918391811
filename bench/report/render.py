"""Tables for the terminal, at whatever width it has."""

import re
from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ..records.status import Status
from .columns import ACCURACY, COST, Column
from .table_text import Grid, Line, grid_of
from .tables import EMPTY, Table

_STYLES = {status: "yellow" for status in Status if status.measured} | {Status.OK: "green"}
_FOLDED = 20


def render_table(table: Table, width: int) -> RenderableType:
    """Return a table for `width` characters: in one part, or accuracy above cost where that is too wide.

    A number is never cut: below about 100 characters there are more parts. Only the first has statuses, rows
    without numbers, and records' ids unless it is too narrow for them. A label longer than 20 characters is
    folded at its brackets and commas.
    """
    grid = grid_of(table)
    if _width(_part(grid, grid.columns[:1], True)) > width:
        grid = replace(grid, lines=tuple(replace(line, record="") for line in grid.lines))
    parts = [_part(grid, part, number == 0) for number, part in enumerate(_split(grid, width))]
    notes = [_note(number, text) for number, text in enumerate(grid.notes, start=1)]
    return Group(Text(grid.title, style="bold"), *parts, *notes, Text())


def _split(grid: Grid, width: int) -> list[list[Column]]:
    """Return the columns in as few parts as the width allows; accuracy and cost apart if not in one."""
    if _width(_part(grid, grid.columns, True)) <= width:
        return [list(grid.columns)]
    parts: list[list[Column]] = []
    for group in (ACCURACY, COST):
        parts.append([])
        for column in (one for one in group if one in grid.columns):
            if parts[-1] and _width(_part(grid, [*parts[-1], column], len(parts) == 1)) > width:
                parts.append([])
            parts[-1].append(column)
    return parts


def _part(grid: Grid, columns: Sequence[Column], first: bool) -> RichTable:
    """Return some of the grid's columns; solvers are headings of the rows below them."""
    rows = [(line, _cells(grid, line, columns)) for line in grid.lines]
    shown = rows if first else [(line, cells) for line, cells in rows if set(cells) != {EMPTY}]
    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("solver\n  method", no_wrap=True)
    for heading in ("max\nsteps", "tol.", *(column.heading.replace(" ", "\n") for column in columns)):
        table.add_column(heading, justify="right", no_wrap=True)
    if first:
        table.add_column("status", no_wrap=True)
        if _has_records(grid):
            table.add_column("record", no_wrap=True)
    solver = None
    for line, cells in shown:
        if line.solver != solver:
            table.add_row(Text(fold(line.solver, _FOLDED + 2), style="bold"))
        solver = line.solver
        method = Text("  " + fold(line.method, _FOLDED).replace("\n", "\n  "))
        budget = Text(line.budget), Text(line.tolerance)
        table.add_row(
            method, *budget, *map(Text, cells), *([_status(line), *_record(grid, line)] if first else [])
        )
    return table


def _cells(grid: Grid, line: Line, columns: Sequence[Column]) -> list[str]:
    """Return a line's texts for some of the columns."""
    return [line.cells[grid.columns.index(column)] for column in columns]


def _has_records(grid: Grid) -> bool:
    return any(line.record for line in grid.lines)


def _record(grid: Grid, line: Line) -> list[str]:
    """Return the cell of a record's id, if the grid has such a column."""
    return [line.record] if _has_records(grid) else []


def _status(line: Line) -> Text:
    """Return the status in its colour; seeds that differ are yellow at best."""
    name, _, rest = line.status.partition(" ")
    style = _STYLES.get(Status(name), "red")
    return Text(line.status, style="yellow" if "/" in rest and style == "green" else style)


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
