"""The text of a table of results: labels, numbers in their units, and long sentences as numbered notes."""

from collections.abc import Sequence

from .columns import COLUMNS, Column, power
from .tables import ResultRow, Table, unbracketed
from .text_table import TextTable

LABELS = ("solver", "method", "max steps", "tolerance")
"""The columns before the numbers; `status` and `record` come after them."""


def result_table(table: Table) -> TextTable:
    """Return the table's text, without optional columns that tell nothing; equal sentences share a note."""
    columns = [column for column in COLUMNS if not column.optional or _tells(table, column)]
    notes: dict[str, int] = {}
    lines = [_line(row, columns, notes) for row in table.rows]
    return TextTable(
        heading=table.problem.title(),
        text="",
        columns=(*LABELS, *(column.heading for column in columns), "status", "record"),
        lines=lines,
        words=("method", "status", "record"),
        notes=tuple(notes),
    )


def _tells(table: Table, column: Column) -> bool:
    values = (row.values[column.field] for row in table.rows)
    return any(value is not None and column.tells(value) for value in values)


def _line(row: ResultRow, columns: Sequence[Column], notes: dict[str, int]) -> list[str]:
    """Return one row's text. A row without numbers explains itself once, in its status."""
    cells = [row.cell(column) for column in columns]
    texts = [text + (_mark(reason, notes) if row.seeds else "") for text, reason in cells]
    labels = unbracketed(row.key.solver), unbracketed(row.key.method)
    budget = str(row.key.max_steps), power(row.key.tolerance)
    return [*labels, *budget, *texts, row.status + _mark(row.reason, notes), _record(row)]


def _record(row: ResultRow) -> str:
    """Return the first record's id, for `hgb rerun`, and how many more there are: one per seed."""
    if not row.ids:
        return ""
    return row.ids[0] + (f" +{len(row.ids) - 1}" if len(row.ids) > 1 else "")


def _mark(reason: str, notes: dict[str, int]) -> str:
    """Return ` [n]` for a sentence, which gets the next number if it is new."""
    return f" [{notes.setdefault(reason, len(notes) + 1)}]" if reason else ""
