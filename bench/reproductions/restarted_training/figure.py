"""Errors of gradients against work, and losses against seconds."""

from collections.abc import Sequence
from statistics import mean

from matplotlib.figure import Figure

from ...report.panels import COLOURS, MARKERS, add_legend
from .contestants import METHODS
from .rows import WorkRow
from .verdict import RecordedTrainings


def work_figure(rows: Sequence[WorkRow]) -> Figure:
    """Draw the mean error over the seeds against the work, a panel for each task."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(1 + 3.2 * len(tasks), 3.8), layout="constrained")
    handles = []
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        handles = []
        for number, method in enumerate(METHODS):
            errors: dict[int, list[float]] = {}
            for row in rows:
                if (row["task"], row["method"]) == (task, method) and row["gradient_error"] is not None:
                    errors.setdefault(row["work"], []).append(row["gradient_error"])
            handles += axes.plot(
                list(errors),
                [mean(values) for values in errors.values()],
                color=COLOURS[number],
                marker=MARKERS[number],
                label=method,
            )
        axes.set(xscale="log", yscale="log", title=task, xlabel="work")
        axes.grid(alpha=0.3, linewidth=0.5)
    figure.axes[0].set_ylabel("relative error of the gradient")
    add_legend(figure, handles)
    return figure


def losses_figure(recorded: RecordedTrainings) -> Figure:
    """Draw the loss of each chunk of steps against the seconds of training, first seed."""
    cells = recorded.cells()
    models, tasks = (list(dict.fromkeys(cell[side] for cell in cells)) for side in (0, 1))
    figure = Figure(figsize=(1 + 3.4 * len(tasks), 0.8 + 2.8 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), len(tasks), squeeze=False)
    handles = []
    for line, model in zip(panels, models, strict=True):
        for axes, task in zip(line, tasks, strict=True):
            drawn = []
            for number, method in enumerate(METHODS):
                found = recorded.of((model, task), method)
                row = found[min(found)] if found else None
                points = (
                    [] if row is None else list(zip(row["chunk_seconds"], row["chunk_losses"], strict=True))
                )
                known = [(seconds, loss) for seconds, loss in points if loss is not None]
                drawn += axes.plot(
                    [seconds for seconds, _ in known],
                    [loss for _, loss in known],
                    color=COLOURS[number],
                    marker=MARKERS[number],
                    markersize=3,
                    label=method,
                )
            handles = drawn
            axes.set_title(f"{model}\n{task}", fontsize=8)
            axes.tick_params(labelsize=7)
            axes.set(yscale="log")
            axes.grid(alpha=0.3, linewidth=0.5, which="both")
    for axes in panels[-1]:
        axes.set_xlabel("seconds of training", fontsize=8)
    for line in panels:
        line[0].set_ylabel("mean squared error", fontsize=8)
    add_legend(figure, handles)
    return figure
