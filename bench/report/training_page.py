"""The page of one training: its curve as a table and as a figure."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ..records.curve_point import CurvePoint
from .curve_table import NOT_FINITE, curve_table, is_flagged
from .page import Page
from .panels import COLOURS

RULE = (
    "A step is flagged if a solve or an adjoint equation of its batch missed its tolerance, or if it was not "
    "taken. PSNR is that of the steps' own batches, on which the regulariser is learned; that of held-out "
    "pairs is there where somebody looked."
)


def training_page(
    choices: Mapping[str, str], points: Sequence[CurvePoint], steps: int, warnings: Sequence[str] = ()
) -> Page:
    """Return the page of a training, finished or not.

    Args:
        choices: what it consists of, in the words of labels.
        points: its curve, by step.
        steps: that it was asked for.
        warnings: what is wrong with its folder.
    """
    title = f"Training of {choices.get('regularizer', '')} on {choices.get('task', '')}"
    question = "; ".join(f"{name}: {value}" for name, value in choices.items()) + "."
    figures = {"psnr": _figure(points)} if any(point.psnr is not None for point in points) else {}
    table = curve_table("Curve", points)
    return Page(title, question, RULE, [table], _verdict(points, steps), figures, warnings)


def _verdict(points: Sequence[CurvePoint], steps: int) -> str:
    if not points:
        return f"no step of {steps} is recorded yet."
    first, last = points[0], points[-1]
    flagged = sum(map(is_flagged, points))
    return (
        f"{last.step} of {steps} steps in {last.seconds:.3g} s, {flagged} of them flagged; loss "
        f"{_shown(first.loss, '.4g')} at the first batch and {_shown(last.loss, '.4g')} at the last, PSNR "
        f"{_shown(first.psnr, '.2f')} and {_shown(last.psnr, '.2f')} dB."
    )


def _figure(points: Sequence[CurvePoint]) -> Figure:
    """Draw PSNR of the batches over seconds, and that of held-out pairs where somebody looked."""
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axes = figure.subplots()
    known = [(point.seconds, point.psnr) for point in points if point.psnr is not None]
    axes.plot(*zip(*known, strict=True), color=COLOURS[0], linewidth=0.8, label="batches of training")
    looks = [(point.seconds, point.test_psnr) for point in points if point.test_psnr is not None]
    if looks:
        axes.plot(
            *zip(*looks, strict=True), color=COLOURS[1], marker="o", markersize=3, label="held-out pairs"
        )
    missed = [(point.seconds, point.psnr) for point in points if is_flagged(point) and point.psnr is not None]
    if missed:
        axes.plot(
            *zip(*missed, strict=True), color=COLOURS[4], marker="x", linestyle="none", label="flagged steps"
        )
    axes.set(xlabel="seconds of training", ylabel="PSNR (dB)")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(fontsize=7, frameon=False)
    return figure


def _shown(value: float | None, form: str) -> str:
    return NOT_FINITE if value is None else f"{value:{form}}"
