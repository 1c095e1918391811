"""The text of a table, cell by cell, with long sentences as numbered notes: what every format prints."""

from collections.abc import Sequence
from dataclasses import dataclass

from .columns import COLUMNS, Column, power
from .tables import Row, Table, label


@dataclass(frozen=True)
class Line:
    """Hold the text of one row: labels, budget, tolerance, a text a column, the status, and a record's id."""

    solver: str
    method: str
    budget: str
    tolerance: str
    cells: tuple[str, ...]
    status: str
    record: str


@dataclass(frozen=True)
class Grid:
    """Hold a table as text. `notes[0]` is what the mark [1] stands for."""

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def grid_of(table: Table) -> Grid:
    """Return the table's text, without optional columns that no row fills; equal sentences share a note."""
    columns = tuple(column for column in COLUMNS if not column.optional or _is_filled(table, column))
    notes: dict[str, int] = {}
    lines = tuple(_line(row, columns, notes) for row in table.rows)
    return Grid(table.problem.title(), columns, lines, tuple(notes))


def _is_filled(table: Table, column: Column) -> bool:
    return any(row.values[column.field] is not None for row in table.rows)


def _line(row: Row, columns: Sequence[Column], notes: dict[str, int]) -> Line:
    """Return one row's text. A row without numbers explains itself once, in its status."""
    cells = [row.cell(column) for column in columns]
    texts = [text + (_mark(reason, notes) if row.seeds else "") for text, reason in cells]
    return Line(
        solver=label(row.run.solver),
        method=label(row.run.method),
        budget=str(row.run.max_steps),
        tolerance=power(row.run.tolerance),
        cells=tuple(texts),
        status=row.status + _mark(row.reason, notes),
        record=_record(row),
    )


def _record(row: Row) -> str:
    """Return the first record's id, for `hgb rerun`, and how many more there are: one a seed."""
    if not row.ids:
        return ""
    return row.ids[0] + (f" +{len(row.ids) - 1}" if len(row.ids) > 1 else "")


def _mark(reason: str, notes: dict[str, int]) -> str:
    """Return ` [n]` for a sentence, which gets the next number if it is new."""
    return f" [{notes.setdefault(reason, len(notes) + 1)}]" if reason else ""
