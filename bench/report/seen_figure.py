"""One case as a figure: the residuals of its solve, and each parameter's part of the hypergradient."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .panels import COLOURS

MOST_FILTERS = 16


def seen_figure(
    title: str, residuals: Float[np.ndarray, " steps"], gradient: Mapping[str, Float[np.ndarray, "..."]]
) -> Figure:
    """Draw the residual of every step, and every leaf of a gradient by its name.

    An array of one axis is a line, of two an image; of more, its first 16 images stand side by side. Red is
    above zero, blue below.
    """
    shown = {name: leaf for name, leaf in gradient.items() if leaf.size}
    figure = Figure(figsize=(7.0, 2.6 * (1 + len(shown))), layout="constrained")
    figure.suptitle(title, fontsize=9)
    curve, *places = figure.subplots(1 + len(shown), 1, squeeze=False)[:, 0]
    curve.plot(residuals, color=COLOURS[0], linewidth=1)
    curve.set(yscale="log", xlabel="step", ylabel="relative residual")
    curve.grid(alpha=0.25, linewidth=0.6)
    for axes, (name, leaf) in zip(places, shown.items(), strict=True):
        _draw(axes, leaf)
        axes.set_title(f"derivative by {name}, shape {leaf.shape}", fontsize=9)
    return figure


def _draw(axes: Axes, leaf: Float[np.ndarray, "..."]) -> None:
    if leaf.ndim < 2:
        axes.plot(np.atleast_1d(leaf), color=COLOURS[1], marker=".", linewidth=1)
        axes.grid(alpha=0.25, linewidth=0.6)
        return
    image = leaf if leaf.ndim == 2 else _side_by_side(leaf.reshape(-1, *leaf.shape[-2:])[:MOST_FILTERS])
    most = max(float(np.nanmax(np.abs(image))), 1e-300)
    axes.imshow(image, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest", aspect="equal")
    axes.set_axis_off()


def _side_by_side(images: Float[np.ndarray, "k h w"]) -> Float[np.ndarray, "h wide"]:
    framed = np.pad(images, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return np.concatenate(list(framed), axis=1)[:, :-1]
