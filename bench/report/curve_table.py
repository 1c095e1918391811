"""The curve of one training as a table of some twenty lines."""

from collections.abc import Callable, Sequence
from statistics import fmean

from ..records.curve_point import CurvePoint, LevelPoint
from .text_table import TextTable

LINES = 20
"""Of the table at most: each stands for as many recorded steps."""
NOT_FINITE = "not finite"
_TEXT = (
    "A line holds the recorded steps since the one above it: means of loss and PSNR over their batches, the "
    "worst residuals, and how many steps were flagged, that is failed or not taken; each of them is "
    "recorded. A number that is not finite in one of these steps is shown as that."
)
_LEVEL_TEXT = (
    " Of upper levels: loss and PSNR at solutions as inexact as the steps asked for, the accuracies that the "
    "last of these steps began with, by how much these steps have certainly lowered the loss at the exact "
    "solutions, and their work in gradients and Hessian products, without that before the first step."
)


def curve_table(heading: str, points: Sequence[CurvePoint]) -> TextTable:
    """Return the table of a curve; columns of which nothing is known are left out.

    Args:
        heading: what was trained with.
        points: by step.
    """
    parts = _parts(points)
    before = [None, *(part[-1] for part in parts[:-1])] if parts else []
    columns = {
        "step": [str(part[-1].step) for part in parts],
        "s": [f"{part[-1].seconds:.3g}" for part in parts],
        "steps/s": [_speed(last, part[-1]) for last, part in zip(before, parts, strict=True)],
        "loss": _of_every_step(parts, fmean, lambda point: point.loss, ".4g"),
        "PSNR": _of_every_step(parts, fmean, lambda point: point.psnr, ".2f"),
        "held-out PSNR": [_held_out(part) for part in parts],
        "gradient error": _each(parts, _last, lambda point: point.gradient_error, ".1e"),
        "residual": _of_every_step(parts, max, lambda point: point.residual, ".1e"),
        "adjoint residual": _of_every_step(parts, max, lambda point: point.adjoint_residual, ".1e"),
        **_of_levels(parts),
    }
    known = {name: cells for name, cells in columns.items() if any(cells)}
    known["flagged"] = [str(sum(map(is_flagged, part))) for part in parts]
    text = _TEXT + (_LEVEL_TEXT + _share(points) if any(point.level for point in points) else "")
    return TextTable(heading, text, tuple(known), list(zip(*known.values(), strict=True)))


def is_flagged(point: CurvePoint) -> bool:
    """Tell whether a step failed or was not taken."""
    return point.failed > 0 or not point.taken


def _share(points: Sequence[CurvePoint]) -> str:
    """Say where sums over the recorded steps are not sums over all."""
    steps = points[-1].step
    if len(points) == steps:
        return ""
    return (
        f" Of {steps} steps {len(points)} are recorded: certified falls and work are sums over those alone."
    )


def _parts(points: Sequence[CurvePoint]) -> list[Sequence[CurvePoint]]:
    """Split a curve into at most `LINES` parts of about as many recorded steps each."""
    count = min(LINES, len(points))
    ends = [len(points) * (number + 1) // count for number in range(count)]
    return [points[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _of_levels(parts: Sequence[Sequence[CurvePoint]]) -> dict[str, list[str]]:
    def each(
        choose: Callable[[list[float]], float], number: Callable[[LevelPoint], float | None], form: str
    ) -> list[str]:
        return _each(parts, choose, lambda point: None if point.level is None else number(point.level), form)

    return {
        "accuracy": each(_last, lambda level: level.accuracy, ".1e"),
        "adjoint accuracy": each(_last, lambda level: level.adjoint_accuracy, ".1e"),
        "certified fall": each(sum, lambda level: level.certified_fall, ".3g"),
        "work": each(sum, lambda level: level.gradients + level.products, ".0f"),
    }


def _of_every_step(
    parts: Sequence[Sequence[CurvePoint]],
    choose: Callable[[list[float]], float],
    number: Callable[[CurvePoint], float | None],
    form: str,
) -> list[str]:
    """Return one cell per part of what every step has, or none has: a missing number is not finite."""
    cells = _each(parts, choose, number, form)
    if not any(cells):
        return cells
    gaps = [any(number(point) is None for point in part) for part in parts]
    return [NOT_FINITE if gap else cell for gap, cell in zip(gaps, cells, strict=True)]


def _held_out(part: Sequence[CurvePoint]) -> str:
    """Return what the last look of a part found."""
    last = next((point for point in reversed(part) if point.is_look), None)
    if last is None:
        return ""
    if last.test_missed:
        return "not solved"
    return NOT_FINITE if last.test_psnr is None else f"{last.test_psnr:.2f}"


def _each(
    parts: Sequence[Sequence[CurvePoint]],
    choose: Callable[[list[float]], float],
    number: Callable[[CurvePoint], float | None],
    form: str,
) -> list[str]:
    """Return one cell per part: of the numbers that are known in it, or empty."""
    cells = []
    for part in parts:
        found = [one for one in map(number, part) if one is not None]
        cells.append(f"{choose(found):{form}}" if found else "")
    return cells


def _speed(before: CurvePoint | None, last: CurvePoint) -> str:
    steps, seconds = last.step, last.seconds
    if before is not None:
        steps, seconds = steps - before.step, seconds - before.seconds
    return f"{steps / seconds:.3g}" if seconds > 0 else ""


def _last(numbers: list[float]) -> float:
    return numbers[-1]
