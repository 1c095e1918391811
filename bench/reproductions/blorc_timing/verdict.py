"""The verdict on BLORC's timing claim and on this project's targets, from rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...records.status import Status
from ..cells import cell
from ..counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from .contestants import (
    ACCURATE,
    CLOSED_FORM,
    IMPLICIT_CG,
    QR_EXPRESSION,
    SVD_EXPRESSION,
    UNROLLED,
)
from .peers import CVXPY, DIFFCP
from .rows import TimedRow

SIZE = 100
OUR_ACCURACY = 1e-8

RULE = (
    f"Judged at n = k = {SIZE}, between the closed form, whose gradient error must be at most "
    f"{OUR_ACCURACY:g}, and each contestant at its loosest tried setting whose error is at most "
    f"{ACCURATE:g}; without such a row nothing is measured. Speed: the contestant's solve with gradient "
    "takes at least 8 (cvxpy's default solver with the SVD closed form) or 30 (diffcp) times as long as "
    "ours, by the median of the ratios formed round by round. The paper's claim, that analytical "
    "gradients are calculated faster than by automatic differentiation, is judged on the backward pass "
    "alone (solve with gradient, less solve), against each contestant by itself: it holds where the "
    "contestant's median is the larger one."
)


@dataclass(frozen=True)
class Target:
    """A ratio, contestant over closed form, and what it must reach; `strictly` if it must exceed that."""

    claim: str
    contestant: str
    quantity: Literal["total", "backward"]
    demanded: float
    strictly: bool = False


@dataclass(frozen=True)
class Comparison:
    """What the rows say of a target; `ratio` is None, with a reason, where they say nothing."""

    target: Target
    ratio: float | None
    reason: str = ""

    @property
    def outcome(self) -> str:
        """One of holds, does not hold, not measured."""
        if self.ratio is None:
            return NOT_MEASURED
        demanded = self.target.demanded
        met = self.ratio > demanded if self.target.strictly else self.ratio >= demanded
        return HOLDS if met else DOES_NOT_HOLD


TARGETS = (
    Target("solve and gradient, against cvxpy with the SVD closed form", CVXPY, "total", 8.0),
    Target("solve and gradient, against diffcp", DIFFCP, "total", 30.0),
    *(
        Target(f"backward alone, against {name}", name, "backward", 1.0, strictly=True)
        for name in (SVD_EXPRESSION, QR_EXPRESSION, UNROLLED, IMPLICIT_CG, DIFFCP)
    ),
)


def compare_targets(rows: Sequence[TimedRow]) -> list[Comparison]:
    """Apply the rule to every target."""
    here = [row for row in rows if row["n"] == SIZE]
    return [_compare(target, here) for target in TARGETS]


def verdict(rows: Sequence[TimedRow]) -> str:
    """Return the outcomes in sentences, one per outcome."""
    compared = compare_targets(rows)
    reasons = {one.reason for one in compared}
    if len(reasons) == 1 and all(one.ratio is None for one in compared):
        return f"{NOT_MEASURED.capitalize()}: {reasons.pop()}."
    parts = []
    for outcome in (HOLDS, DOES_NOT_HOLD, NOT_MEASURED):
        found = [_phrase(one) for one in compared if one.outcome == outcome]
        if found:
            parts.append(f"{outcome.capitalize()}: {'; '.join(found)}.")
    return " ".join(parts)


def _phrase(compared: Comparison) -> str:
    detail = compared.reason if compared.ratio is None else f"{compared.ratio:.3g} times"
    return f"{compared.target.claim} ({detail})"


def _compare(target: Target, rows: Sequence[TimedRow]) -> Comparison:
    if not rows:
        return Comparison(target, None, f"n = k = {SIZE} is not among the sizes")
    ours = next((row for row in rows if row["contestant"] == CLOSED_FORM), None)
    alone = None if ours is None else ours.get("backward_seconds")
    if ours is None or ours["status"] != Status.OK.value or alone is None:
        return Comparison(target, None, "the closed form was not timed")
    error = ours["relative_error"]
    if error is None or error > OUR_ACCURACY:
        return Comparison(target, None, f"the closed form's error is {cell(error, '.1e', 'unknown')}")
    theirs = [row for row in rows if row["contestant"] == target.contestant]
    accurate = [row for row in theirs if row["equal_accuracy"] and row["status"] == Status.OK.value]
    if not accurate:
        return Comparison(target, None, _why_not(theirs))
    if target.quantity == "total":
        return _measured(target, accurate[0].get("total_ratio"))
    if alone <= 0:
        return Comparison(target, None, "the closed form's backward pass is below the clock's noise")
    backward = accurate[0].get("backward_seconds")
    return _measured(target, None if backward is None else backward / alone)


def _measured(target: Target, ratio: float | None) -> Comparison:
    return Comparison(target, ratio, "it was not timed" if ratio is None else "")


def _why_not(rows: Sequence[TimedRow]) -> str:
    """Say why none of a contestant's rows can be compared."""
    reason = next((row["reason"] for row in rows if row["reason"]), "")
    if reason:
        return reason
    errors = [error for row in rows if (error := row["relative_error"]) is not None]
    return f"its error stays at {min(errors):.1e}" if errors else "not among the rows"
