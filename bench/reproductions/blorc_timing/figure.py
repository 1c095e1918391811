"""Time against the length of the signal, forward and backward apart."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ...records.status import Status
from ...report.panels import COLOURS, MARKERS, add_legend
from .contestants import CLOSED_FORM, ONE_STEP
from .rows import Quantity, TimedRow, quartiles_of

_PANELS: tuple[tuple[Quantity, str], ...] = (
    ("solve_seconds", "forward solve (all of ours but unrolled share the closed form's)"),
    ("backward_seconds", "backward"),
)
_LOWEST = 1e-3  # ms: a microsecond is far below the clock's noise


def time_against_size(rows: Sequence[TimedRow]) -> Figure:
    """Draw medians over n, both logarithmic, one line per contestant; whiskers are quartiles.

    Of several settings the one of equal accuracy is drawn; one-step, which has none, hollow. What is not
    positive (a backward pass below the clock's noise) cannot be drawn on a logarithmic axis and is left out.
    """
    drawn = [row for row in rows if _belongs(row)]
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


def _belongs(row: TimedRow) -> bool:
    wanted = row["equal_accuracy"] or row["contestant"] == ONE_STEP
    return bool(wanted and row["status"] == Status.OK.value)


def _draw(axes: Axes, rows: Sequence[TimedRow], name: str, quantity: Quantity) -> Line2D:
    """Draw one contestant's line and return its entry for the legend."""
    number = list(dict.fromkeys(row["contestant"] for row in rows)).index(name)
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    face, label = ("white", f"{name} (biased)") if name == ONE_STEP else (colour, name)
    points = [
        (row["n"], timed)
        for row in rows
        if row["contestant"] == name
        and (timed := quartiles_of(row, quantity)) is not None
        and timed.median > 0
        and not _shared(row, rows, quantity)
    ]
    median = [1e3 * timed.median for _, timed in points]
    below = [1e3 * (timed.median - max(timed.q1, 0.02 * timed.median)) for _, timed in points]
    above = [1e3 * (timed.q3 - timed.median) for _, timed in points]
    axes.errorbar(
        [n for n, _ in points],
        median,
        yerr=[below, above],
        color=colour,
        marker=marker,
        markerfacecolor=face,
        linewidth=1.2,
        elinewidth=0.8,
    )
    return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, label=label)


def _shared(row: TimedRow, rows: Sequence[TimedRow], quantity: Quantity) -> bool:
    """Tell whether a forward solve is the closed form's own program, whose line is there already."""
    return (
        quantity == "solve_seconds"
        and row["contestant"] != CLOSED_FORM
        and any(
            other["n"] == row["n"]
            and other["contestant"] == CLOSED_FORM
            and other.get(quantity) == row.get(quantity)
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
