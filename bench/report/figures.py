"""The figures of a run as functions of its records: accuracy against time, against the budget, and memory."""

import contextlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import unwritable
from ..records.record import Record
from .columns import mebibytes
from .panels import (
    Look,
    add_legend,
    filling,
    in_lines,
    is_narrow,
    largest_of,
    largest_tables,
    look_of,
    panels,
    save_figure,
)
from .profile_figure import performance_profiles
from .render import fold
from .tables import Report, ResultRow, Table, unbracketed

_AT_BOUND = "hollow: below the reference's own error"


def error_against_time(records: Iterable[Record], width: float | None = None) -> Figure:
    """Draw relative error of the hypergradient over seconds of solve and gradient, both logarithmic.

    There is one panel per task and regulariser, for the largest problem. Colours are methods, markers are
    solvers; a line joins the budgets of one method. Lower and further left is better. Caveat: a point below
    the reference's own error is drawn at that error, hollow.

    Args:
        records: those of one run.
        width: in inches, such as that of a paper's column; unless given, panels of one regulariser stand side
            by side.

    Raises:
        ValueError: if no record has both numbers.
    """
    return _against_time(largest_tables(records), width)


def _against_time(tables: Sequence[Table], width: float | None) -> Figure:
    return _error_figure(tables, _seconds, "solve and gradient (s)", "", width)


def error_against_budget(
    records: Iterable[Record], method: str = "Unrolled", width: float | None = None
) -> Figure:
    """Draw relative error over the budget in steps, for the methods whose name begins with `method`.

    Panels, looks and `width` are those of `error_against_time`.

    Raises:
        ValueError: if there is nothing to draw.
    """
    return _against_budget(largest_tables(records), method, width)


def _against_budget(tables: Sequence[Table], method: str, width: float | None) -> Figure:
    return _error_figure(tables, _budget, "budget (steps)", method, width)


def memory_by_method(records: Iterable[Record], width: float | None = None) -> Figure:
    """Draw the compiled program's static memory in MiB as bars, one per solver and method.

    There is one panel per task and regulariser. Colours are methods; of several budgets the largest is drawn.
    `width` is that of `error_against_time`.

    Raises:
        ValueError: if no record has a figure for memory.
    """
    return _memory_bars(largest_tables(records), width)


def _memory_bars(largest: Sequence[Table], width: float | None) -> Figure:
    tables = [_largest_budgets(table) for table in largest]
    look = look_of(tables)
    bars = max((len(table.rows) for table in tables), default=0)
    figure, places = _panels_of(tables, lambda row: _memory(row) > 0, width, height=1.0 + 0.2 * bars)
    for axes, table in places:
        _draw_bars(axes, table, look)
    add_legend(figure, look.method_handles(row for _, table in places for row in table.rows))
    return figure


def write_figures(
    report: Report, folder: Path, suffix: str = "png", width: float | None = None, named: str = ""
) -> list[Path]:
    """Write every figure that has data, one per precision, into `figures/` of a run's folder.

    Args:
        report: what is drawn.
        folder: of the run.
        suffix: the format, "png", "svg" or "pdf".
        width: in inches; see `error_against_time`.
        named: what the files' names end in, such as "-column".

    Returns:
        the paths.

    Raises:
        UserError: if the folder cannot be written.
    """
    target = Path(folder) / "figures"
    paths: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for dtype in sorted({table.problem.dtype for table in report.tables}):
            drawn = _drawn(report, dtype, width)
            name = re.sub(r"[^A-Za-z0-9]+", "-", dtype)
            files = {target / f"{stem}_{name}{named}.{suffix}": figure for stem, figure in drawn.items()}
            for path, figure in files.items():
                save_figure(figure, path)
            paths += files
    except OSError as error:
        raise unwritable(target, error) from error
    return paths


def _drawn(report: Report, dtype: str, width: float | None) -> dict[str, Figure]:
    """Return the figures of one precision by name, without those that have nothing to draw."""
    largest = largest_of(table for table in report.tables if table.problem.dtype == dtype)
    swept = [record for record in report.records if record.sweep and record.dtype == dtype]
    figures: dict[str, Callable[[], Figure]] = {
        "error_against_time": lambda: _against_time(largest, width),
        "error_against_budget": lambda: _against_budget(largest, "Unrolled", width),
        "memory_by_method": lambda: _memory_bars(largest, width),
        "performance_profiles": lambda: performance_profiles(swept, width),
    }
    drawn: dict[str, Figure] = {}
    for name, draw in figures.items():
        with contextlib.suppress(ValueError):
            drawn[name] = draw()
    return drawn


def _error_figure(
    tables: Sequence[Table],
    across: Callable[[ResultRow], float | None],
    name: str,
    family: str,
    width: float | None,
) -> Figure:
    """Draw relative error over any quantity of a row, for the methods whose name begins with `family`."""
    look = look_of(tables)  # of all methods, so that each has the same colour in every figure
    figure, places = _panels_of(
        tables, lambda row: row.key.method.startswith(family) and _drawable(row, across), width
    )
    for axes, table in places:
        _draw_errors(axes, table, across, look)
        axes.set_xlabel(name, fontsize=8)
        axes.set_ylabel("relative error", fontsize=8)
    rows = [row for _, table in places for row in table.rows]
    add_legend(figure, [*look.method_handles(rows), *look.solver_handles(rows), *_bound_handles()])
    return figure


def _panels_of(
    tables: Iterable[Table], kept: Callable[[ResultRow], bool], width: float | None, height: float = 3.4
) -> tuple[Figure, list[tuple[Axes, Table]]]:
    """Return panels for the tables that have rows to draw, with those rows alone."""
    drawn = [Table(table.problem, tuple(row for row in table.rows if kept(row))) for table in tables]
    drawn = [table for table in drawn if table.rows]
    if not drawn:
        raise ValueError(
            "no record to draw; measured ones (ok or max_steps) with the numbers asked for are accepted"
        )
    return panels(drawn, height, width)


def _draw_errors(axes: Axes, table: Table, across: Callable[[ResultRow], float | None], look: Look) -> None:
    """Draw one panel: a line through the budgets of each solver and method, and the reference's own error."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    lines: dict[tuple[str, str], list[tuple[float, ResultRow]]] = {}
    for row in table.rows:
        lines.setdefault((row.key.solver, row.key.method), []).append((across(row) or 0.0, row))
    for points in lines.values():
        style = look.of(points[0][1].key)
        heights = [_height(row) for _, row in points]
        axes.plot(
            [place for place, _ in points],
            heights,
            color=style.color,
            linestyle=style.linestyle,
            linewidth=1.2,
        )
        for place, row in points:
            face = "white" if _at_bound(row) else style.color
            axes.plot(
                [place],
                [_height(row)],
                marker=style.marker,
                color=style.color,
                markerfacecolor=face,
                markerfacecoloralt="white",
                fillstyle=filling(style.linestyle),
            )
    axes.axhline(max(_bound(row) for row in table.rows), color="0.5", linestyle=":", linewidth=1)
    axes.set_xlim(*_decades([place for points in lines.values() for place, _ in points]))


def _decades(places: Sequence[float]) -> tuple[float, float]:
    """Return limits at whole powers of ten, where an axis always has room for its labels."""
    low, high = math.floor(math.log10(min(places))), math.ceil(math.log10(max(places)))
    return 0.8 * 10.0**low, 1.25 * 10.0 ** max(high, low + 1)


def _draw_bars(axes: Axes, table: Table, look: Look) -> None:
    """Draw one panel of bars, the smallest on top, each with its number at its end."""
    rows = sorted(table.rows, key=_memory)
    colors = [look.of(row.key).color for row in rows]
    bars = axes.barh(range(len(rows)), [_memory(row) for row in rows], color=colors, height=0.7)
    axes.bar_label(bars, [_bar_text(row) for row in rows], padding=3, fontsize=7)
    axes.set_yticks(range(len(rows)), [fold(unbracketed(row.key.solver), 20) for row in rows], fontsize=7)
    axes.set_xscale("log")
    behind = 100 if is_narrow(axes) else 30  # room for the number behind the longest bar
    axes.set_xlim(left=_memory(rows[0]) / 3, right=_memory(rows[-1]) * behind)
    axes.set_ylim(max(len(rows), 6) - 0.5, -0.5)  # few bars are not drawn fat
    axes.set_xlabel(in_lines(axes, "arguments, outputs and temporaries (MiB)"), fontsize=8)


def _bar_text(row: ResultRow) -> str:
    """Return what stands at a bar's end; the budget too for unrolling, whose memory grows with it."""
    size = mebibytes(row.values["memory_bytes"] or 0.0)
    return f"{size} ({row.key.max_steps} steps)" if row.key.method.startswith("Unrolled") else size


def _memory(row: ResultRow) -> float:
    return (row.values["memory_bytes"] or 0.0) / 2**20


def _largest_budgets(table: Table) -> Table:
    """Return each solver's and method's row of the largest budget."""
    rows = {row.key[:2]: row for row in sorted(table.rows, key=lambda row: row.key)}
    return Table(table.problem, tuple(rows.values()))


def _drawable(row: ResultRow, across: Callable[[ResultRow], float | None]) -> bool:
    """Tell whether a row can be drawn on two logarithmic axes."""
    return row.values["relative_error"] is not None and _height(row) > 0 and (across(row) or 0) > 0


def _seconds(row: ResultRow) -> float | None:
    return row.values["total_seconds"]


def _budget(row: ResultRow) -> float | None:
    return float(row.key.max_steps)


def _bound(row: ResultRow) -> float:
    return row.values["reference_error"] or 0.0


def _at_bound(row: ResultRow) -> bool:
    return (row.values["relative_error"] or 0.0) <= _bound(row)


def _height(row: ResultRow) -> float:
    """Return the error that is drawn: the row's, or the reference's own where that is larger."""
    return max(row.values["relative_error"] or 0.0, _bound(row))


def _bound_handles() -> list[Line2D]:
    """Return the legend's entries for what is below the reference's error."""
    hollow = Line2D([], [], color="0.4", linestyle="", marker="o", markerfacecolor="white", label=_AT_BOUND)
    line = Line2D([], [], color="0.5", linestyle=":", label="the reference's own error")
    return [hollow, line]
