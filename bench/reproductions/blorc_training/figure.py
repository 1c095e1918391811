"""Pictures of learned operators, losses over the steps, and denoised squares."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...report.panels import COLOURS
from .likeness import in_order
from .rows import ImageRow, SignalRow
from .signals import expected_rows
from .training_rows import TrainingRows


def operators_figure(rows: Sequence[SignalRow]) -> Figure:
    """Draw learned operators beside the expected one, a line of panels for each kind of signals."""
    shown = [row for row in rows if row["learned"] is not None]
    kinds = list(dict.fromkeys(row["signals"] for row in shown))
    rates = list(dict.fromkeys(row["rate"] for row in shown))
    figure = Figure(figsize=(3.1 * (len(rates) + 1), 3.3 * len(kinds)), layout="constrained")
    panels = figure.subplots(len(kinds), len(rates) + 1, squeeze=False)
    for line, kind in zip(panels, kinds, strict=True):
        here = {row["rate"]: row for row in shown if row["signals"] == kind}
        for axes, rate in zip(line, rates, strict=False):
            _matrix(axes, np.asarray(here[rate]["learned"]), f"{kind}, rate {rate:g}")
        one = next(iter(here.values()))
        expected = expected_rows(one["operator"], len(one["learned"] or ()))
        _matrix(line[-1], in_order(expected, expected), one["operator"])
    return figure


def losses_figure(recorded: TrainingRows) -> Figure:
    """Draw the mean loss of a thousand batches over the steps, with the best baseline's test error."""
    rows = [row for row in (*recorded.signals, *recorded.images) if not row["seed"]]
    names = list(dict.fromkeys(_data_of(row) for row in rows))
    figure = Figure(figsize=(4.0 * len(names), 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for number, row in enumerate(one for one in rows if _data_of(one) == name):
            steps = np.linspace(0, row["steps"], len(row["losses"]) + 1)[1:]
            axes.plot(steps, row["losses"], color=COLOURS[number], label=f"rate {row['rate']:g}")
        for number, (method, error) in enumerate(_baselines(rows, name).items()):
            axes.axhline(error, color="0.4", linestyle=(":", "--", "-.")[number % 3], label=method)
        axes.set(title=name, xlabel="steps", ylabel="mean squared error", yscale="log")
        axes.legend(fontsize=7, frameon=False)
    return figure


def images_figure(rows: Sequence[ImageRow]) -> Figure:
    """Draw the same square of the image by every method, with its error over the whole image."""
    shown = [row for row in rows if row["crops"] is not None]
    columns = list(shown[0]["crops"] or ())
    figure = Figure(figsize=(2.0 * len(columns), 2.3 * len(shown)), layout="constrained")
    for line, row in zip(figure.subplots(len(shown), len(columns), squeeze=False), shown, strict=True):
        for axes, name in zip(line, columns, strict=True):
            axes.imshow(np.asarray((row["crops"] or {})[name]), cmap="gray", vmin=0, vmax=255)
            error = row["mean_squared_error"].get(name)
            title = name if error is None else f"{name}\nMSE {error:.2e}"
            axes.set_title(title, fontsize=7)
            axes.set_axis_off()
        line[0].text(
            -0.05,
            0.5,
            f"rate {row['rate']:g}",
            transform=line[0].transAxes,
            rotation=90,
            va="center",
            ha="right",
            fontsize=8,
        )
    return figure


def _matrix(axes: Axes, matrix: np.ndarray, title: str) -> None:
    largest = float(np.abs(matrix).max()) or 1.0
    axes.imshow(matrix, cmap="RdBu", vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_title(f"{title}, entries to {largest:.2g}", fontsize=8)
    axes.set(xticks=[], yticks=[])


def _data_of(row: SignalRow | ImageRow) -> str:
    return row["signals"] if row["what"] == "signals" else f"patches of {row['trained_on']}"


def _baselines(rows: Sequence[SignalRow | ImageRow], name: str) -> dict[str, float]:
    """Return the baselines' test errors of signals; an image's errors are of averages, not of patches."""
    one = next(row for row in rows if _data_of(row) == name)
    if one["what"] == "image":
        return {}
    return {method: one["mean_squared_error"][method] for method in one["weight"]}
