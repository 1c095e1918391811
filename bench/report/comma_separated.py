"""Rows as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

from .text_table import TextTable


def comma_separated(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a line for the head and one per row; numbers keep their full precision, None is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()


def csv_of_cells(tables: Iterable[TextTable]) -> str:
    """Return text tables of unlike columns as one CSV, one line per cell: heading, row, column and text."""
    cells = (
        (table.heading, line[0], column, cell)
        for table in tables
        for line in table.lines
        for column, cell in zip(table.columns[1:], line[1:], strict=True)
    )
    return comma_separated(("table", "row", "column", "value"), cells)
