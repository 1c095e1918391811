"""Tables of results for the terminal, at whatever width it has."""

import re
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from ..records.status import Status
from .answer import answer_table
from .columns import ACCURACY, COST
from .frontier_page import frontier_tables
from .result_table import LABELS, result_table
from .tables import EMPTY, Report, Table
from .terminal import compact_table, numbered_note, standard_output, terminal_table

_STYLES = {status: "yellow" for status in Status if status.measured} | {Status.OK: "green"}
_FOLDED = 20
_Line = dict[str, str]
"""The texts of one row by the headings of their columns."""


def print_answer(report: Report) -> None:
    """Print which method is cheapest on each problem, as wide as the terminal."""
    standard_output().print(terminal_table(answer_table(report.records)))


def print_tables(report: Report) -> None:
    """Print one table per problem, and the frontier of a sweep, as wide as the terminal."""
    console = standard_output()
    for table in report.tables:
        console.print(render_table(table, console.width))
    frontier = frontier_tables(report.records)
    if frontier:
        console.print(Text("Frontier", style="bold"))
    for text_table in frontier:
        console.print(terminal_table(text_table))


def render_table(table: Table, width: int) -> RenderableType:
    """Return a table for `width` characters: in one part, or accuracy above cost where that is too wide.

    A number is never cut: below about 100 characters there are more parts. Only the first has statuses, rows
    without numbers, and records' ids unless it is too narrow for them. A label longer than 20 characters is
    folded at its brackets and commas.
    """
    text = result_table(table)
    lines: list[_Line] = [dict(zip(text.columns, line, strict=True)) for line in text.lines]
    headings = text.columns[len(LABELS) : -2]
    if _width(_part(lines, headings[:1], True)) > width:
        lines = [line | {"record": ""} for line in lines]
    split = _split(lines, headings, width)
    parts = [_part(lines, part, number == 0) for number, part in enumerate(split)]
    notes = [numbered_note(number, note) for number, note in enumerate(text.notes, start=1)]
    return Group(Text(text.heading, style="bold"), *parts, *notes, Text())


def _split(lines: Sequence[_Line], headings: Sequence[str], width: int) -> list[list[str]]:
    """Return the columns in as few parts as the width allows; accuracy and cost apart if not in one."""
    if _width(_part(lines, headings, True)) <= width:
        return [list(headings)]
    parts: list[list[str]] = []
    for group in (ACCURACY, COST):
        parts.append([])
        for heading in (column.heading for column in group if column.heading in headings):
            if parts[-1] and _width(_part(lines, [*parts[-1], heading], len(parts) == 1)) > width:
                parts.append([])
            parts[-1].append(heading)
    return parts


def _part(lines: Sequence[_Line], headings: Sequence[str], first: bool) -> RichTable:
    """Return some of the columns; solvers are headings of the rows below them."""
    further = ["status", *(["record"] if any(line["record"] for line in lines) else [])] if first else []
    table = compact_table()
    table.add_column("solver\n  method", no_wrap=True)
    for title in ("max\nsteps", "tol.", *(heading.replace(" ", "\n") for heading in headings)):
        table.add_column(title, justify="right", no_wrap=True)
    for title in further:
        table.add_column(title, no_wrap=True)
    solver = None
    for line in lines:
        cells = [line[heading] for heading in headings]
        if not first and set(cells) == {EMPTY}:
            continue
        if line["solver"] != solver:
            solver = line["solver"]
            table.add_row(Text(fold(solver, _FOLDED + 2), style="bold"))
        method = "  " + fold(line["method"], _FOLDED).replace("\n", "\n  ")
        texts = [method, line["max steps"], line["tolerance"], *cells]
        table.add_row(*map(Text, texts), *(_further(line, name) for name in further))
    return table


def _further(line: _Line, name: str) -> Text:
    """Return status or record; the status in its colour, and yellow at best where seeds differ."""
    if name != "status":
        return Text(line[name])
    word, _, rest = line[name].partition(" ")
    style = _STYLES.get(Status(word), "red")
    return Text(line[name], style="yellow" if "/" in rest and style == "green" else style)


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
