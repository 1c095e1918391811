"""How far does the exact gradient of l1 problems reach?"""

from collections.abc import Sequence
from dataclasses import replace

from ....problems.values.configuration import configuration
from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..rows import RecordedRow, read_rows
from .measure import measure_image
from .problem import LARGEST_CERTIFIED, LARGEST_DIFFERENCED, STEPS, ExactImage, all_images
from .rows import ExactRow

ADJOINT, ERROR = 1e-8, 1e-6
QUESTION = (
    "How large can an image be whose l1 hypergradient is exact? Denoising and deconvolution with 8 perturbed "
    "3 x 3 filters, the images of hypergradient-scale, float64. The closed form factorises A^T A + sigma "
    "W0^T W0 by nested dissection and iterates on what near dependence of the active rows leaves. Denoising "
    f"is certified up to {LARGEST_CERTIFIED['denoising']} pixels a side, deconvolution up to "
    f"{LARGEST_CERTIFIED['deconvolution']}; beyond, first-order steps end at a relative residual of 1e-5, "
    "and only the adjoint system is exact. Seconds are of one call of solve with gradient, compiled before."
)
RULE = (
    "Every solution of a size at which that is asked for must be certified. The adjoint system must be "
    f"solved to a relative residual of {ADJOINT:g} at every size. Where the solution is certified, up to "
    f"{LARGEST_DIFFERENCED} pixels a side, the derivative along a random direction may be {ERROR:g} off the "
    "central difference of two certified solutions: at the largest of the distances "
    f"{', '.join(f'{step:g}' for step in STEPS)} at which both have the active rows and signs of the "
    "solution between them. Across a kink a difference is no derivative: where every distance crosses one, "
    "the image is left out and counted."
)
COLUMNS = (
    "problem",
    "status",
    "certified",
    "residual",
    "adjoint steps",
    "adjoint residual",
    "error",
    "at a distance",
    "seconds",
    "memory MiB",
    "bytes per pixel",
)


@configuration
class ExactGradientScale:
    """How far does the exact gradient of l1 problems reach?

    Source: this project's own question; the gradient is that of Ghosh, McCann and Ravishankar, 2021 (arXiv
    2111.10858), in adjoint form.
    """

    def cases(self, quick: bool) -> Sequence[ExactImage]:
        """Return tasks and sizes, the small ones first."""
        return all_images(quick)

    def measure(self, case: ExactImage, quick: bool) -> list[ExactRow]:
        """Solve and differentiate one image."""
        return measure_image(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return the table and the verdict."""
        read = read_rows(rows, ExactRow)
        targets = count_targets(read)
        return Page(
            title="How far the exact gradient of l1 problems reaches",
            question=QUESTION,
            rule=RULE,
            sections=[targets_section(targets), _table(read)],
            verdict=counted_verdict(targets),
        )


def count_targets(rows: Sequence[ExactRow]) -> list[Counted]:
    """Apply the rule."""
    residuals = [_number(row["adjoint_residual"]) for row in rows]
    asked = [row for row in rows if row["side"] <= LARGEST_CERTIFIED[row["task"]]]
    differenced = [row for row in rows if row["certified"] and row["side"] <= LARGEST_DIFFERENCED]
    errors = [_number(row["difference_error"]) for row in differenced if row["difference_step"] is not None]
    kinks = len(differenced) - len(errors)
    return [
        Counted("certified where asked for", sum(bool(row["certified"]) for row in asked), len(asked)),
        _within(f"adjoint at a residual of {ADJOINT:g}", residuals, ADJOINT),
        replace(
            _within(f"derivatives within {ERROR:g} of differences", errors, ERROR),
            left_out=f"{kinks} with a kink nearby" if kinks else "",
        ),
    ]


def _within(claim: str, values: Sequence[float], limit: float) -> Counted:
    worst = f"worst {max(values):.1e}" if values else ""
    return Counted(claim, sum(one <= limit for one in values), len(values), worst)


def _number(value: float | None) -> float:
    return float("inf") if value is None else value


def _table(rows: Sequence[ExactRow]) -> TextTable:
    lines = [
        [
            f"{row['task']} {row['side']} x {row['side']}",
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
            {True: "yes", False: "no", None: "not run"}[row["certified"]],
            cell(row["residual"], ".1e"),
            cell(row["adjoint_steps"], "d"),
            cell(row["adjoint_residual"], ".1e"),
            cell(row["difference_error"], ".1e"),
            cell(row["difference_step"], "g"),
            cell(row["seconds"], ".3g"),
            cell(None if (memory := row["memory_bytes"]) is None else memory / 2**20, ",.0f"),
            cell(None if memory is None else memory / row["pixels"], ",.0f"),
        ]
        for row in rows
    ]
    routes = "; ".join(dict.fromkeys(f"{row['route']}" for row in rows))
    return TextTable("By size", f"Routes of the closed form: {routes}." if rows else "", COLUMNS, lines)
