"""What hypergradients of ridge regularisers cost by solvers that evaluate once a step, or use the Hessian."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...records.status import Status
from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..rows import RecordedRow, read_rows
from .measure import BASE, RidgeCase, measure_ridge
from .rows import RidgeRow

ACCURACY, SHARE = 0.01, 0.25
QUESTION = (
    "A convex ridge regulariser with scales as large as trained ones have is nearly a weighted l1 norm: its "
    "gradient's Lipschitz constant is thousands of times the data term's. How long does the hypergradient of "
    "a batch of crops take in float32, by all parameters, denoised under `vmap`? L-BFGS with optax's search "
    "of several evaluations a step and MINRES is beside L-BFGS with one evaluation a step, and a truncated "
    "Newton method; all solve to a relative residual of 1e-5."
)
RULE = (
    f"A contestant meets the target if its gradient's relative error is at most {ACCURACY:g} and its seconds "
    f"are at most {SHARE:g} of those of {BASE}, by the median of the rounds' ratios. The error is against "
    "the float64 gradient at a residual of 1e-10. Only what reached its tolerances counts, the one that is "
    "compared with and that gradient included. The target counts as met if one contestant meets it."
)


@configuration
class RidgeHypergradient:
    """How fast are hypergradients of ridge regularisers with one evaluation a step, and with Newton steps?

    Source: this project's own question, on the model of Goujon et al., 2023, in the form of Hertrich et al.,
    2025.
    """

    def cases(self, quick: bool) -> Sequence[RidgeCase]:
        """Return the batch of crops."""
        return [RidgeCase(2, 12)] if quick else [RidgeCase(8, 64)]

    def measure(self, case: RidgeCase, quick: bool) -> list[RidgeRow]:
        """Measure all contestants in the same rounds."""
        return measure_ridge(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return the table and the verdict."""
        read = read_rows(rows, RidgeRow)
        targets = count_targets(read)
        return Page(
            title="Hypergradients of ridge regularisers",
            question=QUESTION,
            rule=RULE,
            sections=[targets_section(targets), _table(read)],
            verdict=counted_verdict(targets),
        )


def count_targets(rows: Sequence[RidgeRow]) -> list[Counted]:
    """Apply the rule: one of the contestants has to meet it, case by case."""
    cases = dict.fromkeys(row["case"] for row in rows)
    best = [_best([row for row in rows if row["case"] == case]) for case in cases]
    found = [one for one in best if one is not None]
    detail = f"{found[0]:.2f} of the time" if found else ""
    return [
        Counted(
            f"an error of {ACCURACY:g} in {SHARE:g} of the time",
            sum(one <= SHARE for one in found),
            len(found),
            detail,
            f"{len(best) - len(found)} without an accurate gradient to compare"
            if len(found) < len(best)
            else "",
        )
    ]


def _best(rows: Sequence[RidgeRow]) -> float | None:
    if not any(row["contestant"] == BASE and row["status"] == Status.OK.value for row in rows):
        return None
    ratios = [
        ratio
        for row in rows
        if row["status"] == Status.OK.value
        and row["contestant"] != BASE
        and (error := row["gradient_error"]) is not None
        and error <= ACCURACY
        and (ratio := row["ratio"]) is not None
    ]
    return min(ratios, default=None)


def _table(rows: Sequence[RidgeRow]) -> TextTable:
    lines = [
        [
            row["case"],
            row["contestant"],
            f"{row['steps']}",
            f"{row['adjoint_steps']}",
            cell(row["gradient_error"], ".1e", "none"),
            cell(row["seconds"], ".3g", "not timed"),
            cell(row["ratio"], ".2f", "none"),
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
        ]
        for row in rows
    ]
    columns = ("crops", "contestant", "steps", "adjoint steps", "error", "seconds", "ratio", "status")
    return TextTable("Costs", "Steps are those of the slowest member of the batch.", columns, lines)
