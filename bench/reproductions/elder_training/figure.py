"""PSNR before and after training, the losses on the way, and restored crops."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...report.panels import COLOURS, MARKERS
from .rows import EquilibriumRow


def psnr_figure(rows: Sequence[EquilibriumRow]) -> Figure:
    """Draw every seed's PSNR as pre-trained and as trained, a panel for each task."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(4.2 * len(tasks), 3.8), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        here = [row for row in rows if row["task"] == task]
        names = list(dict.fromkeys(row["regularizer"] for row in here))
        for place, name in enumerate(names):
            for row in (one for one in here if one["regularizer"] == name):
                _draw_change(axes, place, row)
        axes.set_xticks(range(len(names)), names, rotation=25, ha="right", fontsize=8)
        axes.set(title=task, ylabel="PSNR of test crops (dB)")
        axes.grid(alpha=0.3, linewidth=0.5)
    return figure


def losses_figure(rows: Sequence[EquilibriumRow]) -> Figure:
    """Draw the losses of all trainings, in tenths, a panel for each task."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(4.2 * len(tasks), 3.4), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        here = [row for row in rows if row["task"] == task]
        for number, name in enumerate(dict.fromkeys(row["regularizer"] for row in here)):
            for row in (one for one in here if one["regularizer"] == name):
                steps = np.linspace(0, row["steps"], len(row["losses"]) + 1)[1:]
                label = name if not row["seed"] else None
                axes.plot(steps, row["losses"], color=COLOURS[number], linewidth=1, label=label)
        axes.set(title=task, xlabel="steps", ylabel="root mean squared error", yscale="log")
        axes.legend(fontsize=7, frameon=False)
    return figure


def crops_figure(rows: Sequence[EquilibriumRow]) -> Figure:
    """Draw one test crop of each task by every regulariser, pre-trained and trained."""
    shown = [row for row in rows if row["crops"] is not None]
    columns = list(shown[0]["crops"] or ())
    figure = Figure(figsize=(1.5 * len(columns) + 1.5, 1.6 * len(shown)), layout="constrained")
    for line, row in zip(figure.subplots(len(shown), len(columns), squeeze=False), shown, strict=True):
        for axes, name in zip(line, columns, strict=True):
            axes.imshow(np.asarray((row["crops"] or {})[name]), cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.set_title(name, fontsize=7)
        line[0].set_ylabel(f"{row['regularizer']}\n{row['task']}", fontsize=6)
    return figure


def _draw_change(axes: Axes, place: int, row: EquilibriumRow) -> None:
    before, after = row["pretrained_psnr"], row["trained_psnr"]
    if before is None or after is None:
        return
    at = place + 0.15 * (row["seed"] - 1)
    axes.plot([at, at], [before, after], color="0.6", linewidth=1)
    for number, (label, psnr) in enumerate((("pre-trained", before), ("trained", after))):
        colour, marker = COLOURS[number], MARKERS[number]
        axes.plot([at], [psnr], color=colour, marker=marker, markersize=5, linestyle="none", label=label)
    if axes.get_legend() is None:
        axes.legend(fontsize=7, frameon=False)
