"""Time and memory against pixels, both logarithmic."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...report.panels import COLOURS, MARKERS, add_legend
from .problem import CLOSED_FORM, TASKS, UNROLLED

_METHODS = (CLOSED_FORM, *UNROLLED)
_PANELS = (
    ("total_seconds", "estimated_seconds", "solve and gradient (s)"),
    ("memory_bytes", "", "memory (GiB)"),
)


def time_and_memory(rows: Sequence[Any]) -> Figure:
    """Draw both panels; a hollow marker is a prediction of what was not run."""
    figure = Figure(figsize=(9.5, 5.0), layout="constrained")
    for axes, (measured, predicted, title) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for number, method in enumerate(_METHODS):
            for task, line in zip(TASKS, ("-", "--"), strict=True):
                here = [row for row in rows if (row["method"], row["task"]) == (method, task)]
                _draw(axes, here, (measured, predicted), (COLOURS[number], MARKERS[number], line))
        if measured == "memory_bytes":
            limit = rows[0]["memory_limit_bytes"] / 2**30
            axes.axhline(limit, color="0.4", linestyle=":", linewidth=1)
            text = "four fifths of the machine's"
            axes.text(0.02, limit, text, transform=axes.get_yaxis_transform(), fontsize=7, va="bottom")
        axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel=title)
        axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, _handles())
    return figure


def _draw(axes: Axes, rows: Sequence[Any], names: tuple[str, str], style: tuple[str, str, str]) -> None:
    measured, predicted = names
    colour, marker, line = style
    scale = 2**30 if measured == "memory_bytes" else 1
    points = []
    for row in sorted(rows, key=lambda row: row["pixels"]):
        run = row.get("residual") is not None
        value = row.get(measured) if run or not predicted else row.get(predicted)
        if value:
            points.append((row["pixels"], value / scale, run))
    axes.plot(
        [one[0] for one in points], [one[1] for one in points], color=colour, linestyle=line, linewidth=1.2
    )
    for pixels, value, run in points:
        axes.plot([pixels], [value], color=colour, marker=marker, markerfacecolor=colour if run else "white")


def _handles() -> list[Line2D]:
    methods = [
        Line2D([], [], color=COLOURS[number], marker=MARKERS[number], label=method)
        for number, method in enumerate(_METHODS)
    ]
    tasks = [
        Line2D([], [], color="0.4", linestyle=line, label=task)
        for task, line in zip(TASKS, ("-", "--"), strict=True)
    ]
    hollow = Line2D(
        [], [], color="0.4", marker="o", markerfacecolor="white", linestyle="", label="predicted, not run"
    )
    return [*methods, *tasks, hollow]
