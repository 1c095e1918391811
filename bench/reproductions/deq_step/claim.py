"""A training step of a deep equilibrium model, beside deepinv's, at equal error."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ....problems.values.configuration import configuration
from ...records.status import Status
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..rows import RecordedRow, read_rows
from .measure import DEEPINV, ITERATED, JACOBIAN_FREE, OURS, measure_step
from .problem import DeqCase
from .rows import DeqRow

SHARE = 0.5
REFERENCE = 1e-10
"""Relative residual up to which the exact gradient is one."""
CASES = (DeqCase(4, 64, 32, 7, 50),)
QUICK_CASES = (DeqCase(2, 8, 3, 3, 5),)
QUESTION = (
    "A training step of a deep equilibrium model restores a batch of images by a fixed number of iterations, "
    "and differentiates their mean squared error by the model's parameters. deepinv's gradient descent as a "
    "deep equilibrium model and ours get the same arrays in float32: noisy photographs, a field of experts "
    "with a pseudo-Huber potential and a circular boundary, the same step size and start. deepinv's prior "
    "has its gradient written out; its backward pass is its own iteration, at most as many steps as forward, "
    "or one step (Jacobian-free). Ours uses all CPUs; deepinv runs with all and with one, and the larger of "
    "the two ratios counts. Errors are those of the gradient by all filters and weights, relative to that of "
    "tight solves in float64."
)
RULE = (
    "A step of deepinv's is beaten if a gradient of ours whose error is not larger takes at most "
    f"{SHARE:g} of its seconds, as the median of the ratios formed round by round. Ours counts only where it "
    "reached the tolerance that it was asked for. A case is left out where a solve or an adjoint of the "
    f"exact gradient has a relative residual above {REFERENCE:.0e}."
)


@configuration
class DeqStep:
    """Is a training step of a deep equilibrium model at least twice as fast as deepinv's, at equal error?

    Source: this project's own question; Bai, Kolter and Koltun, 2019; Fung et al., 2022 (Jacobian-free).
    """

    def cases(self, quick: bool) -> Sequence[DeqCase]:
        """Return images, filters and iterations."""
        return QUICK_CASES if quick else CASES

    def measure(self, case: DeqCase, quick: bool) -> list[DeqRow]:
        """Time one case."""
        return measure_step(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return the table, the figure and the verdict."""
        read = read_rows(rows, DeqRow)
        targets = count_targets(read)
        return Page(
            title="A step of a deep equilibrium model beside deepinv's",
            question=QUESTION,
            rule=RULE,
            sections=[targets_section(targets), _table(read)],
            verdict=counted_verdict(targets),
            figures={"seconds_against_error": _figure(read)} if any(map(_point, read)) else {},
        )


def count_targets(rows: Sequence[DeqRow]) -> list[Counted]:
    """Apply the rule to both of deepinv's steps."""
    return [_target(rows, ITERATED), _target(rows, JACOBIAN_FREE)]


def _target(rows: Sequence[DeqRow], what: str) -> Counted:
    met, details, left_out = [], [], []
    for case in dict.fromkeys(row["case"] for row in rows):
        here = [row for row in rows if row["case"] == case]
        if not all(row["reference_residual"] <= REFERENCE for row in here):
            left_out.append(f"{case}: the exact gradient has a residual above {REFERENCE:.0e}")
            continue
        theirs = [row for row in here if (row["library"], row["what"]) == (DEEPINV, what)]
        errors = [
            row["error"] for row in theirs if row["status"] == Status.OK.value and row["error"] is not None
        ]
        if not errors:
            left_out += sorted({row["reason"] or row["status"] for row in theirs})
            continue
        column = "over_exact" if what == ITERATED else "over_jacobian_free"
        found = [
            (ratio, row["what"])
            for row in here
            if _counts(row, min(errors)) and (ratio := row[column]) is not None
        ]
        best = min(found, default=None)
        met.append(best is not None and best[0] <= SHARE)
        details.append("no gradient of ours has that error" if best is None else f"{best[1]}: {best[0]:.3g}")
    claim = f"at most {SHARE:g} of the seconds of deepinv's step, {what}"
    return Counted(claim, sum(met), len(met), "; ".join(details), "; ".join(left_out))


def _counts(row: DeqRow, limit: float) -> bool:
    """Tell whether a gradient is ours, reached what it was asked for, and is as good as deepinv's."""
    error = row["error"]
    return (
        row["library"] == OURS and row["status"] == Status.OK.value and error is not None and error <= limit
    )


def _table(rows: Sequence[DeqRow]) -> TextTable:
    lines = [
        [
            row["library"],
            row["what"],
            str(row["threads"]),
            _milliseconds(row["forward_seconds"]),
            _milliseconds(_backward(row)),
            _milliseconds(row["seconds"]),
            cell(row["error"], ".1e"),
            cell(row["over_exact"], ".3g"),
            cell(row["over_jacobian_free"], ".3g"),
            row["reason"] or row["status"],
        ]
        for row in rows
    ]
    columns = (
        "library",
        "gradient",
        "threads",
        "forward (ms)",
        "backward (ms)",
        "step (ms)",
        "error",
        "over deepinv's",
        "over Jacobian-free",
        "status",
    )
    cases = "; ".join(dict.fromkeys(row["case"] for row in rows))
    versions = ", ".join(sorted({row["version"] for row in rows if row["version"]}))
    residual = max((row["reference_residual"] for row in rows), default=0.0)
    text = (
        f"{cases}{f'; deepinv {versions}' if versions else ''}. Medians; backward is step less forward. "
        f"Residual of the exact gradient: {residual:.0e}."
    )
    return TextTable("Steps", text, columns, lines, words=("gradient", "status"))


def _backward(row: DeqRow) -> float | None:
    forward, step = row["forward_seconds"], row["seconds"]
    return None if forward is None or step is None else step - forward


def _milliseconds(seconds: float | None) -> str:
    return cell(None if seconds is None else 1e3 * seconds, ".3g")


def _point(row: DeqRow) -> tuple[float, float] | None:
    """Return error and seconds, where both are known."""
    error, seconds = row["error"], row["seconds"]
    return (error, seconds) if error and seconds else None


def _figure(rows: Sequence[DeqRow]) -> Figure:
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, library in enumerate((DEEPINV, OURS)):
        points = [point for row in rows if row["library"] == library and (point := _point(row))]
        axes.plot(
            [error for error, _ in points],
            [seconds for _, seconds in points],
            color=COLOURS[number],
            marker=MARKERS[number],
            linestyle="none",
            label=library,
        )
    axes.set(xscale="log", yscale="log", xlabel="relative error of the gradient", ylabel="seconds of a step")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(fontsize=7, frameon=False)
    return figure
