"""The matrix of rules and hard problems as a picture."""

from collections.abc import Mapping, Sequence

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .verdict import BIASED, ELEMENT, FLAGGED, LOST, RIGHT_WORD, SILENT, UNSUPPORTED

# From harmless to harmful; letters keep the picture readable without colours.
LOOKS = {
    UNSUPPORTED: ("#f4f4f4", ""),
    LOST: ("#777777", "x"),
    RIGHT_WORD: ("#009E73", "r"),
    ELEMENT: ("#56B4E9", "e"),
    FLAGGED: ("#E69F00", "f"),
    BIASED: ("#bbbbbb", "b"),
    SILENT: ("#882255", "S"),
}


def matrix_figure(
    methods: Sequence[str], problems: Sequence[str], words: Mapping[tuple[str, str], str]
) -> Figure:
    """Draw one cell per rule and problem."""
    figure = Figure(figsize=(3.2 + 0.55 * len(problems), 2.6 + 0.22 * len(methods)), layout="constrained")
    axes = figure.subplots()
    names = list(LOOKS)
    grid = [[words.get((method, problem), UNSUPPORTED) for problem in problems] for method in methods]
    numbers = [[names.index(one) for one in line] for line in grid]
    colours = ListedColormap([colour for colour, _ in LOOKS.values()])
    axes.imshow(numbers, cmap=colours, vmin=-0.5, vmax=len(names) - 0.5, aspect="auto")
    for row, line in enumerate(grid):
        for column, one in enumerate(line):
            colour = "white" if one in (SILENT, RIGHT_WORD) else "black"
            axes.text(column, row, LOOKS[one][1], ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(problems)), problems, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(methods)), methods, fontsize=8)
    handles = [Patch(color=colour, label=name) for name, (colour, _) in LOOKS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure
