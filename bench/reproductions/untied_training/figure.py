"""Errors of pairs, and contraction against the step size."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...report.panels import COLOURS, MARKERS
from .rows import TIED, UNTIED, EquilibriumTrainingRow, StepSizeRow
from .verdict import pairs_of


def errors_figure(rows: Sequence[EquilibriumTrainingRow]) -> Figure:
    """Draw the untied error over the tied one, on training and on test images, a point for each seed."""
    pairs = [one for one in pairs_of(rows) if one.is_compared]
    settings = list(dict.fromkeys(one.tied["setting"] for one in pairs))
    figure = Figure(figsize=(7.5, 1.4 + 0.4 * len(settings)), layout="constrained")
    axes = figure.subplots()
    for number, (label, ratios) in enumerate(
        (
            ("training images", [one.training_ratio for one in pairs]),
            ("test images", [one.test_ratio for one in pairs]),
        )
    ):
        places = [settings.index(one.tied["setting"]) + 0.2 * (number - 0.5) for one in pairs]
        axes.plot(ratios, places, MARKERS[number], color=COLOURS[number], markersize=4, label=label)
    axes.axvline(1, color="0.5", linestyle=":")
    axes.set(xlabel="untied error over tied error", yticks=range(len(settings)), yticklabels=settings)
    axes.invert_yaxis()
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8, frameon=False)
    return figure


def contraction_figure(rows: Sequence[StepSizeRow]) -> Figure:
    """Draw the map's mean contraction factor and Anderson's iterations against the step size."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, model in enumerate((TIED, UNTIED)):
        for seed in dict.fromkeys(row["seed"] for row in rows):
            here = [row for row in rows if (row["model"], row["seed"]) == (model, seed)]
            taus = [row["tau"] for row in here]
            style = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 4, "linewidth": 1}
            label = None if seed else model
            left.plot(taus, [row["largest_contraction"] for row in here], label=label, **style)
            right.plot(taus, [row["accelerated_steps"] for row in here], label=label, **style)
    left.axhline(1, color="0.5", linestyle=":")
    left.set(xscale="log", xlabel="tau", ylabel="largest contraction factor")
    right.set(xscale="log", xlabel="tau", ylabel="Anderson's iterations, mean")
    for axes in (left, right):
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.legend(fontsize=8, frameon=False)
    return figure
