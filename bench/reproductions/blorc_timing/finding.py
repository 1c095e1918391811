"""The finding on BLORC's timing claim."""

from collections.abc import Sequence

from ..counted import HOLDS, NOT_MEASURED
from ..finding import ClaimFinding, Verdict
from .contestants import SVD_EXPRESSION
from .peers import DIFFCP
from .rows import TimedRow
from .verdict import SIZE, Comparison, compare_targets

AUTHORS = (SVD_EXPRESSION, DIFFCP)
"""What the authors compared with: autodiff of the expression, and of the cone program."""
RULE = (
    "Of the backward pass alone. Holds if the closed form's median is below that of every contestant with an "
    "accurate gradient; in direction if only below those of the two that the authors compared with."
)
SETTING = f"n = k = {SIZE}, float64, one signal, one processor"


def timing_finding(rows: Sequence[TimedRow]) -> ClaimFinding:
    """Apply the rule to the backward passes."""
    compared = [one for one in compare_targets(rows) if one.target.quantity == "backward"]
    authors = [one for one in compared if one.target.contestant in AUTHORS]
    if any(one.outcome == NOT_MEASURED for one in authors):
        reasons = sorted({one.reason for one in authors if one.reason})
        return ClaimFinding("A1", RULE, SETTING, reason="; ".join(reasons) if rows else "not measured yet")
    return ClaimFinding("A1", RULE, SETTING, _ratios(compared), _verdict(compared, authors), "")


def _verdict(compared: Sequence[Comparison], authors: Sequence[Comparison]) -> Verdict:
    if all(one.outcome == HOLDS for one in compared):
        return Verdict.HOLDS
    in_direction = all(one.outcome == HOLDS for one in authors)
    return Verdict.IN_DIRECTION if in_direction else Verdict.DOES_NOT_HOLD


def _ratios(compared: Sequence[Comparison]) -> str:
    """Return how long each contestant's backward pass takes, over the closed form's."""
    ratios = [f"{one.target.contestant} {one.ratio:.3g}" for one in compared if one.ratio is not None]
    return f"backward pass over the closed form's, medians over rounds: {', '.join(ratios)}"
