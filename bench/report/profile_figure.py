"""The performance profiles of a run as a figure."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..records.record import Record
from .frontier import ACCURACIES, make_frontiers
from .frontier_page import by_regularizer, exponent
from .panels import Look, add_legend, beside
from .profiles import LARGEST_FACTOR, Profile, make_profiles


def performance_profiles(records: Iterable[Record], width: float | None = None) -> Figure:
    """Draw the share of problems on which a method is within a factor of the fastest, over that factor.

    There is one column per accuracy, one row for all problems and, if there are several regularisers, one per
    regulariser. Higher and further left is better. The right end of a curve is the share of problems on
    which the method reaches the accuracy within a hundred times the least time; a method that never does is
    not drawn. In a given width, in inches, a panel of its own line stands for each accuracy where three have
    no room. Source: Dolan and More, 2002.

    Raises:
        ValueError: if no record is a point of a sweep with an error.
    """
    groups = by_regularizer(make_frontiers(records))
    profiles = {
        (name, accuracy): [
            profile for profile in make_profiles(chosen, accuracy) if profile.share(LARGEST_FACTOR) > 0
        ]
        for name, chosen in groups.items()
        for accuracy in ACCURACIES
    }
    methods = sorted({profile.method for drawn in profiles.values() for profile in drawn})
    if not methods:
        raise ValueError("no record to draw; points of a sweep that reach an accuracy are accepted")
    look = Look(tuple(methods), ())
    one_line = width is None or beside(width) >= len(ACCURACIES)
    lines = len(groups) * (1 if one_line else len(ACCURACIES))
    figure = Figure(figsize=(width or 13.6, 1.6 + 2.7 * lines + 0.2 * len(methods) / 4), layout="constrained")
    shape = (lines, len(ACCURACIES) if one_line else 1)
    grid = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True).reshape(len(groups), -1)
    for row, (name, chosen) in enumerate(groups.items()):
        for column, accuracy in enumerate(ACCURACIES):
            known = sum(frontier.knows(accuracy) for frontier in chosen)
            _entitle(grid[row, column], f"{name}, error {exponent(accuracy)}, problems: {known}")
            _draw(grid[row, column], profiles[name, accuracy], look)
    for axes in grid[-1] if one_line else grid[-1, -1:]:
        axes.set_xlabel("factor of the fastest method's time", fontsize=8)
    for axes in grid[:, 0] if one_line else grid.flat:
        axes.set_ylabel("share of problems (curves a hair apart)", fontsize=8)
    looks = [(name, *look.line(name)) for name in methods]
    add_legend(
        figure, [Line2D([], [], color=c, linestyle=style, linewidth=2, label=n) for n, c, style in looks]
    )
    return figure


def _draw(axes: Axes, profiles: Sequence[Profile], look: Look) -> None:
    """Draw the profiles as steps, each moved by a hair so that equal curves can be told apart."""
    for number, profile in enumerate(profiles):
        places = np.array(
            [1.0, *sorted(r for r in profile.ratios if 1 < r <= LARGEST_FACTOR), LARGEST_FACTOR]
        )
        shares = np.array([profile.share(place) for place in places])
        color, style = look.line(profile.method)
        axes.step(places, shares - 0.004 * number, where="post", color=color, linestyle=style, linewidth=1.6)


def _entitle(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(1, LARGEST_FACTOR)
    axes.set_ylim(-0.1, 1.04)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.6)
