"""What all figures share: one panel per task and regulariser, the looks of methods and solvers, a legend."""

import io
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..records.durable import replace_durably
from ..records.record import Record
from .tables import ResultRow, RowKey, Table, make_tables, unbracketed

# Okabe and Ito (2008): colours that colour-blind readers can tell apart; wine for yellow, faint on white.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#000000",
    "#56B4E9",
    "#E69F00",
    "#882255",
    "#999999",
    "#8C564B",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LineStyle = Literal["-", "--", ":", "-."]
_LINES: tuple[_LineStyle, ...] = ("-", "--", ":", "-.")


class Style(NamedTuple):
    """Say how a solver with a method is drawn, in matplotlib's words."""

    color: str
    linestyle: _LineStyle
    marker: str


@dataclass(frozen=True)
class Look:
    """Give each method a colour and a line, and each solver a marker, the same in every panel."""

    methods: tuple[str, ...]
    solvers: tuple[str, ...]

    def of(self, key: RowKey) -> Style:
        """Return the style of a row's method and solver."""
        return Style(*self.line(unbracketed(key.method)), self._marker(unbracketed(key.solver)))

    def method_handles(self, drawn: Iterable[ResultRow]) -> list[Line2D]:
        """Return the legend's entries for the methods of some rows: their colours."""
        names = sorted({unbracketed(row.key.method) for row in drawn})
        lines = {name: self.line(name) for name in names}
        return [_method_handle(name, color, linestyle) for name, (color, linestyle) in lines.items()]

    def solver_handles(self, drawn: Iterable[ResultRow]) -> list[Line2D]:
        """Return the legend's entries for the solvers of some rows: their markers."""
        markers = {
            name: self._marker(name) for name in sorted({unbracketed(row.key.solver) for row in drawn})
        }
        return [
            Line2D([], [], linestyle="", color="0.4", marker=marker, label=name)
            for name, marker in markers.items()
        ]

    def line(self, method: str) -> tuple[str, _LineStyle]:
        """Return a method's colour and line; with more methods than colours, the lines tell them apart."""
        number = self.methods.index(method)
        return COLOURS[number % len(COLOURS)], _LINES[number // len(COLOURS) % len(_LINES)]

    def _marker(self, solver: str) -> str:
        """Return a solver's marker."""
        return MARKERS[self.solvers.index(solver) % len(MARKERS)]


def filling(linestyle: str) -> Literal["full", "bottom"]:
    """Return how markers are filled: half if the colour is used twice, since a single point shows no line."""
    return "full" if linestyle == "-" else "bottom"


def _method_handle(name: str, color: str, linestyle: _LineStyle) -> Line2D:
    if linestyle == "-":
        return Line2D([], [], linewidth=4, color=color, linestyle=linestyle, label=name)
    return Line2D(
        [],
        [],
        linewidth=1.5,
        color=color,
        linestyle=linestyle,
        marker="o",
        fillstyle="bottom",
        markerfacecoloralt="white",
        label=name,
    )


def look_of(tables: Iterable[Table]) -> Look:
    """Return looks for every method and solver in the tables."""
    keys = [row.key for table in tables for row in table.rows]
    methods = sorted({unbracketed(key.method) for key in keys})
    return Look(tuple(methods), tuple(sorted({unbracketed(key.solver) for key in keys})))


def largest_tables(records: Iterable[Record]) -> list[Table]:
    """Return, for each task and regulariser, the table of its largest problem; on a tie that of float64."""
    return largest_of(make_tables(records))


def largest_of(tables: Iterable[Table]) -> list[Table]:
    """Return the tables that figures draw: see `largest_tables`."""
    chosen: dict[tuple[str, str], Table] = {}
    for table in map(by_sweep, tables):
        name = table.problem.task, table.problem.regularizer
        if name not in chosen or _extent(table) > _extent(chosen[name]):
            chosen[name] = table
    return list(chosen.values())


def by_sweep(table: Table) -> Table:
    """Name the rows of a sweep by its method and sort them by budget, so that each method is one line."""
    if not any(row.sweep for row in table.rows):
        return table
    named = [replace(row, key=row.key._replace(method=row.sweep or row.key.method)) for row in table.rows]
    return Table(table.problem, tuple(sorted(named, key=_budget)))


def _budget(row: ResultRow) -> tuple[str, str, float, int, float]:
    """Return what the rows of a sweep are sorted by: the budget, then the time."""
    key = row.key
    return key.solver, key.method, -key.tolerance, key.max_steps, row.values["total_seconds"] or 0.0


def _extent(table: Table) -> tuple[int, int, str]:
    """Return what problems are compared by: numbers in a sample, batch, precision."""
    numbers = 1
    for side in table.problem.size.split("x"):
        numbers *= int(side) if side.isdigit() else 1
    return numbers, table.problem.batch, table.problem.dtype


def panels(
    tables: Sequence[Table], height: float = 3.4, width: float | None = None
) -> tuple[Figure, list[tuple[Axes, Table]]]:
    """Return a figure with one column per task and one row per regulariser, and each table with its axes.

    A pair that was not run leaves its place empty. In a given width, in inches, as many panels stand side by
    side as have room, in the same order and without empty places between them.
    """
    tasks = list(dict.fromkeys(table.problem.task for table in tables))
    regularizers = list(dict.fromkeys(table.problem.regularizer for table in tables))
    known = {(table.problem.regularizer, table.problem.task): table for table in tables}
    places = [known.get(pair) for pair in product(regularizers, tasks)]
    if width is None:
        columns, across = len(tasks), 1.0 + 4.2 * max(len(tasks), 2)
    else:
        places = [table for table in places if table is not None]
        columns, across = min(len(places), beside(width)), width
    rows = math.ceil(len(places) / columns)
    figure = Figure(figsize=(across, 1.2 + height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    return figure, list(_placed(axes, places))


def beside(width: float) -> int:
    """Return how many panels have room side by side in a width in inches."""
    return max(1, int(width / 3.2))


def is_narrow(axes: Axes) -> bool:
    """Tell whether a panel is one of a figure for paper."""
    return _panel_width(axes) < 4


def in_lines(axes: Axes, text: str) -> str:
    """Break text into lines for which a panel has room, between words."""
    return textwrap.fill(text, int(12 * (_panel_width(axes) - 0.6)), break_long_words=False)


def _panel_width(axes: Axes) -> float:
    grid, figure = axes.get_gridspec(), axes.get_figure(root=True)
    assert grid is not None
    assert figure is not None
    return float(figure.get_figwidth()) / grid.ncols


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's suffix: .png, .svg or .pdf; the file is replaced whole.

    The same figure becomes the same bytes; text in a PDF stays text, in fonts that publishers accept.

    Raises:
        OSError: if the file cannot be written; an older one is as it was.
    """
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "hypergrad-bench", "pdf.fonttype": 42}):
        figure.savefig(content, format=path.suffix[1:], dpi=150, metadata=undated[path.suffix])
    replace_durably(path, content.getvalue())


def _placed(axes: Iterable[Axes], tables: Iterable[Table | None]) -> Iterator[tuple[Axes, Table]]:
    """Yield each table with its axes, entitled; switch off the axes that have none."""
    rest = iter(tables)
    for one in axes:
        table = next(rest, None)
        if table is None:
            one.set_axis_off()
            continue
        _entitle(one, table)
        yield one, table


def _entitle(axes: Axes, table: Table) -> None:
    """Name the problem above its panel."""
    problem = table.problem
    about = f"{problem.data}, {problem.size}, batch {problem.batch}, {problem.dtype}"
    lines = (f"{problem.task}, {unbracketed(problem.regularizer)}", about)
    title = "\n".join(in_lines(axes, line) for line in lines)
    axes.set_title(title, fontsize=8 if is_narrow(axes) else 9)
    axes.tick_params(labelsize=8)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.25, linewidth=0.6)


def add_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Put the legend below all panels, in as many columns as its longest label leaves room for."""
    room = int(figure.get_figwidth() * 13) - 6
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), room, break_long_words=False))
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, int(figure.get_figwidth() * 13 / (longest + 6)))
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
