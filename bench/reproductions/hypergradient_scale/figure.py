"""Time and memory against pixels, both logarithmic."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...report.panels import COLOURS, MARKERS, add_legend
from ..growing_images import TASKS
from .problem import CLOSED_FORM, UNROLLED
from .rows import ScaleRow, was_run

_METHODS = (CLOSED_FORM, *UNROLLED)
_TIME, _MEMORY = "solve and gradient (s)", "memory (GiB)"


class DrawnPoint(NamedTuple):
    """A marker: pixels, seconds or GiB, and whether the program was run."""

    pixels: int
    value: float
    run: bool


def time_and_memory(rows: Sequence[ScaleRow]) -> Figure:
    """Draw both panels; a hollow marker is a prediction of what was not run."""
    figure = Figure(figsize=(9.5, 5.0), layout="constrained")
    for axes, title, point in zip(figure.subplots(1, 2), (_TIME, _MEMORY), (_time, _memory), strict=True):
        for number, method in enumerate(_METHODS):
            for task, line in zip(TASKS, ("-", "--"), strict=True):
                here = [row for row in rows if (row["method"], row["task"]) == (method, task)]
                here = sorted(here, key=lambda row: row["pixels"])
                points = [one for row in here if (one := point(row)) is not None]
                _draw(axes, points, (COLOURS[number], MARKERS[number], line))
        axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel=title)
        axes.grid(alpha=0.3, linewidth=0.5)
    _draw_limit(figure.axes[1], rows[0]["memory_limit_bytes"] / 2**30)
    add_legend(figure, _handles())
    return figure


def _time(row: ScaleRow) -> DrawnPoint | None:
    run = was_run(row)
    seconds = row["total_seconds"] if was_run(row) else row.get("estimated_seconds")
    return DrawnPoint(row["pixels"], seconds, run) if seconds else None


def _memory(row: ScaleRow) -> DrawnPoint | None:
    memory = row["memory_bytes"]
    return DrawnPoint(row["pixels"], memory / 2**30, was_run(row)) if memory else None


def _draw(axes: Axes, points: Sequence[DrawnPoint], style: tuple[str, str, str]) -> None:
    colour, marker, line = style
    pixels, values = [one.pixels for one in points], [one.value for one in points]
    axes.plot(pixels, values, color=colour, linestyle=line, linewidth=1.2)
    for one in points:
        face = colour if one.run else "white"
        axes.plot([one.pixels], [one.value], color=colour, marker=marker, markerfacecolor=face)


def _draw_limit(axes: Axes, limit: float) -> None:
    axes.axhline(limit, color="0.4", linestyle=":", linewidth=1)
    text = "four fifths of the machine's"
    axes.text(0.02, limit, text, transform=axes.get_yaxis_transform(), fontsize=7, va="bottom")


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
