"""What the curves of several trainings of one problem say: a table, a rule and a figure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..records.curve_point import CurvePoint
from .curve_table import curve_table
from .page import Page
from .panels import COLOURS, MARKERS
from .text_table import TextTable

WRONG, WORSE = 1e-2, 0.1
"""Relative error of a gradient from which on it is wrong, and dB from which on a regulariser is worse."""
RULE = (
    f"A method's gradient is wrong where the median of its error over the looks is above {WRONG:g}. Its "
    f"regulariser is worse where it reaches at least {WORSE:g} dB less on the held-out pairs than the best "
    "one of a method whose gradient is not wrong, after equal steps, and after the time that the fastest "
    "training took. A training that is not at its last step, as one that diverged or is stuck, is not judged."
)
QUESTION = (
    "One problem, trained by several methods on the same batches. Looks, outside of the seconds, take the "
    "PSNR of held-out pairs, solved exactly, and the error of the gradient that the next step takes, against "
    "an exact one. Trainings follow each other: a machine that slows down slows some more than others. The "
    "gradients are those at each training's own parameters."
)
_COLUMNS = (
    "method",
    "solver",
    "steps",
    "not taken",
    "s",
    "steps/s",
    "gradient error",
    "largest",
    "PSNR at first",
    "after equal steps",
    "after equal time",
)


@dataclass(frozen=True)
class TrainedCurve:
    """The curve of one training.

    Attributes:
        method: with its settings.
        solver: with its settings.
        points: by step.
        asked: steps that it was asked for.
    """

    method: str
    solver: str
    points: tuple[CurvePoint, ...]
    asked: int

    @property
    def looks(self) -> list[CurvePoint]:
        """The points at which somebody looked."""
        return [point for point in self.points if point.is_look]

    @property
    def done(self) -> int:
        """The last step that is recorded."""
        return self.points[-1].step if self.points else 0

    @property
    def is_whole(self) -> bool:
        """Whether it made its last step, at a loss that is finite."""
        return self.done >= self.asked and self.points[-1].loss is not None

    @property
    def seconds(self) -> float:
        """Of the whole training."""
        return self.points[-1].seconds if self.points else 0.0

    @property
    def error(self) -> float | None:
        """The median error of the gradient over the looks; None where none is known."""
        errors = self._errors()
        return statistics.median(errors) if errors else None

    @property
    def largest_error(self) -> float | None:
        """The largest error of the gradient over the looks."""
        return max(self._errors(), default=None)

    def psnr_at_step(self, step: int) -> float | None:
        """Return the PSNR of held-out pairs at the last look up to a step; None if a solve of it failed."""
        return next((one.test_psnr for one in reversed(self.looks) if one.step <= step), None)

    def psnr_at_time(self, seconds: float) -> float | None:
        """Return it at the last look up to a time."""
        return next((one.test_psnr for one in reversed(self.looks) if one.seconds <= seconds), None)

    def _errors(self) -> list[float]:
        return [point.gradient_error for point in self.looks if point.gradient_error is not None]


def comparison_page(title: str, curves: Sequence[TrainedCurve], warnings: Sequence[str] = ()) -> Page:
    """Return the page of a comparison, with the curve of each; trainings without a look have empty cells."""
    seen = [curve for curve in curves if curve.looks]
    whole = [curve for curve in seen if curve.is_whole]
    step = min((curve.looks[-1].step for curve in whole), default=0)
    seconds = min((curve.seconds for curve in whole), default=0.0)
    text = (
        f"Equal steps: {step}. Equal time: {seconds:.3g} s, that of the fastest training that is at its last "
        "step. PSNR is left out where nobody looked in time, or a solve of held-out pairs failed."
        if whole
        else "No training is at its last step."
    )
    table = TextTable(
        "Trainings", text, _COLUMNS, [_line(curve, step, seconds) for curve in curves], ("solver",)
    )
    figures = {"training": _figure(seen)} if seen else {}
    curves_of_each = [curve_table(f"Curve of {curve.method}", curve.points) for curve in curves]
    standing = [_standing(curve) for curve in curves if not curve.is_whole]
    verdict = " ".join([_verdict(whole, step, seconds), *standing])
    return Page(title, QUESTION, RULE, [table, *curves_of_each], verdict, figures, warnings)


def _line(curve: TrainedCurve, step: int, seconds: float) -> list[str]:
    done, whole = curve.done, curve.is_whole
    first = curve.looks[0].test_psnr if curve.looks else None
    later = (curve.psnr_at_step(step), curve.psnr_at_time(seconds)) if whole else (None, None)
    return [
        curve.method,
        curve.solver,
        str(done) if whole else f"{done} of {curve.asked}",
        str(sum(not point.taken for point in curve.points)),
        f"{curve.seconds:.3g}",
        f"{done / curve.seconds:.3g}" if curve.seconds else "",
        *(_shown(one, ".1e") for one in (curve.error, curve.largest_error)),
        *(_shown(one, ".2f") for one in (first, *later)),
    ]


def _standing(curve: TrainedCurve) -> str:
    loss = "" if not curve.points or curve.points[-1].loss is not None else ", at a loss that is not finite,"
    return f"{curve.method} stands at step {curve.done} of {curve.asked}{loss} and is not judged."


def _verdict(curves: Sequence[TrainedCurve], step: int, seconds: float) -> str:
    right = [curve for curve in curves if (error := curve.error) is not None and error <= WRONG]
    wrong = [curve for curve in curves if (error := curve.error) is not None and error > WRONG]
    if not right or not wrong:
        return (
            "nothing to compare: it takes a method whose gradient is wrong and one whose gradient is not, "
            "both at their last step."
        )
    return " ".join(
        f"{name}: {_judged(wrong, [p for p in best if p is not None], found)}."
        for name, best, found in (
            (
                "After equal steps",
                [curve.psnr_at_step(step) for curve in right],
                [curve.psnr_at_step(step) for curve in wrong],
            ),
            (
                "After equal time",
                [curve.psnr_at_time(seconds) for curve in right],
                [curve.psnr_at_time(seconds) for curve in wrong],
            ),
        )
    )


def _judged(wrong: Sequence[TrainedCurve], right: list[float], found: Sequence[float | None]) -> str:
    if not right:
        return "no gradient that is not wrong has a PSNR of held-out pairs in time"
    said = []
    for curve, psnr in zip(wrong, found, strict=True):
        less = None if psnr is None else max(right) - psnr
        if less is None:
            said.append(f"{curve.method} has no PSNR of held-out pairs in time")
        else:
            said.append(f"{curve.method} is {'worse' if less >= WORSE else 'not worse'} ({-less:+.2f} dB)")
    return ", ".join(said)


def _figure(curves: Sequence[TrainedCurve]) -> Figure:
    """Draw PSNR of held-out pairs over seconds and over steps, and the gradient's error over steps."""
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    over_time, over_steps, errors = figure.subplots(1, 3)
    for number, curve in enumerate(curves):
        found = [(one.seconds, float(one.step), one.test_psnr) for one in curve.looks]
        solved = [(seconds, step, psnr) for seconds, step, psnr in found if psnr is not None]
        psnr = [psnr for _, _, psnr in solved]
        _draw(over_time, number, [seconds for seconds, _, _ in solved], psnr, curve.method)
        _draw(over_steps, number, [step for _, step, _ in solved], psnr, curve.method)
        known = [(float(point.step), point.gradient_error) for point in curve.looks if point.gradient_error]
        _draw(errors, number, [step for step, _ in known], [error for _, error in known], curve.method)
    over_time.set(xlabel="seconds of training", ylabel="PSNR of held-out pairs (dB)")
    over_steps.set(xlabel="steps", ylabel="PSNR of held-out pairs (dB)")
    errors.set(xlabel="steps", ylabel="relative error of the gradient", yscale="log")
    over_time.legend(fontsize=7, frameon=False)
    return figure


def _draw(axes: Axes, number: int, x: Sequence[float], y: Sequence[float], label: str) -> None:
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    axes.plot(x, y, color=colour, marker=marker, markersize=3, linewidth=1, label=label)
    axes.grid(alpha=0.3, linewidth=0.5)


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"
