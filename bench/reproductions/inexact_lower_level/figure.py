"""Error of the gradient over error of x, one panel for the adjoint rules and one for unrolling."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...report.panels import COLOURS, MARKERS, add_legend
from .measure import UNROLLED
from .rows import InexactRow
from .verdict import LARGE, SMALL


def gradient_against_solution(rows: Sequence[InexactRow]) -> Figure:
    """Draw one line per problem; on the dotted line both errors are equal, the shaded corner misleads."""
    figure = Figure(figsize=(9.5, 5.0), layout="constrained")
    cases = list(dict.fromkeys(row["case"] for row in rows))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, adjoint in zip(panels, (True, False), strict=True):
        for number, case in enumerate(cases):
            here = [row for row in rows if row["case"] == case and (row["method"] != UNROLLED) == adjoint]
            points = [
                (x, gradient) for row in here if (x := row["x_error"]) and (gradient := row["gradient_error"])
            ]
            axes.plot(
                [point[0] for point in points],
                [point[1] for point in points],
                color=COLOURS[number],
                marker=MARKERS[number],
                markersize=5,
                linewidth=1.0,
            )
        axes.set(xscale="log", yscale="log", xlabel="relative error of x")
        axes.set_title("closed form, implicit" if adjoint else "unrolled, as many steps", fontsize=10)
        axes.grid(alpha=0.3, linewidth=0.5)
    panels[0].set_ylabel("relative error of the hypergradient")
    low, high = panels[0].get_xlim()
    top = max(panels[0].get_ylim()[1], 1.0)
    for axes in panels:
        axes.plot([low, high], [low, high], color="0.5", linestyle=":", linewidth=1)
        axes.fill_between([low, SMALL], LARGE, top, color="0.9", zorder=0)
        axes.set_xlim(low, high)
        axes.set_ylim(top=top)
    handles = [
        Line2D([], [], color=COLOURS[number], marker=MARKERS[number], label=case)
        for number, case in enumerate(cases)
    ]
    equal = Line2D([], [], color="0.5", linestyle=":", label="errors equal")
    add_legend(figure, [*handles, equal, Line2D([], [], color="0.85", linewidth=8, label="misleads")])
    return figure
