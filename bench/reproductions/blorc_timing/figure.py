"""Time against the length of the signal, forward and backward apart."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ...records.status import Status
from ...report.panels import COLOURS, MARKERS, add_legend
from ..reproduction import Row
from .contestants import CLOSED_FORM, ONE_STEP

_PANELS = (
    ("solve_seconds", "forward solve (all of ours but unrolled share the closed form's)"),
    ("backward_seconds", "backward"),
)
_LOWEST = 1e-3  # ms: a microsecond is far below the clock's noise


def time_against_size(rows: Sequence[Row]) -> Figure:
    """Draw medians over n, both logarithmic, one line a contestant; whiskers are quartiles.

    Of several settings the one of equal accuracy is drawn; one-step, which has none, hollow. What is not
    positive (a backward pass below the clock's noise) cannot be drawn on a logarithmic axis and is left out.
    """
    drawn: list[Any] = [row for row in rows if _belongs(row)]
    names = list(dict.fromkeys(row["contestant"] for row in drawn))
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    handles = []
    for axes, (quantity, title) in zip(figure.subplots(1, 2, sharey=True), _PANELS, strict=True):
        handles = [_draw(axes, drawn, name, quantity) for name in names]
        _scale(axes, sorted({row["n"] for row in drawn}), title)
    # Once both panels are drawn, whose axis is one: a limit set before would cut off what comes later.
    figure.axes[0].set_ylim(bottom=max(_LOWEST, figure.axes[0].get_ylim()[0]))
    figure.axes[0].set_ylabel("time of one signal (ms)")
    if handles:
        add_legend(figure, handles)
    return figure


def _belongs(row: Any) -> bool:
    wanted = row["equal_accuracy"] or row["contestant"] == ONE_STEP
    return bool(wanted and row["status"] == Status.OK)


def _draw(axes: Axes, rows: Sequence[Any], name: str, quantity: str) -> Line2D:
    """Draw one contestant's line and return its entry for the legend."""
    number = list(dict.fromkeys(row["contestant"] for row in rows)).index(name)
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    face, label = ("white", f"{name} (biased)") if name == ONE_STEP else (colour, name)
    points = [
        row
        for row in rows
        if row["contestant"] == name and row[quantity] > 0 and not _shared(row, rows, quantity)
    ]
    median = [1e3 * row[quantity] for row in points]
    below = [1e3 * (row[quantity] - max(row[f"{quantity}_q1"], 0.02 * row[quantity])) for row in points]
    above = [1e3 * (row[f"{quantity}_q3"] - row[quantity]) for row in points]
    axes.errorbar(
        [row["n"] for row in points],
        median,
        yerr=[below, above],
        color=colour,
        marker=marker,
        markerfacecolor=face,
        linewidth=1.2,
        elinewidth=0.8,
    )
    return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, label=label)


def _shared(row: Any, rows: Sequence[Any], quantity: str) -> bool:
    """Tell whether a forward solve is the closed form's own program, whose line is there already."""
    return (
        quantity == "solve_seconds"
        and row["contestant"] != CLOSED_FORM
        and any(
            other["n"] == row["n"] and other["contestant"] == CLOSED_FORM and other[quantity] == row[quantity]
            for other in rows
        )
    )


def _scale(axes: Axes, sizes: Sequence[int], title: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("n = k")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3, linewidth=0.5)
