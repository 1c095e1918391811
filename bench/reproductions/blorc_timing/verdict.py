"""The verdict on BLORC's timing claim and on this project's targets, from rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...records.status import Status
from ..counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from ..reproduction import Row
from .contestants import (
    ACCURATE,
    CLOSED_FORM,
    IMPLICIT_CG,
    QR_EXPRESSION,
    SVD_EXPRESSION,
    UNROLLED,
)
from .peers import CVXPY, DIFFCP

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
class Judged:
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


def judge_targets(rows: Sequence[Row]) -> list[Judged]:
    """Apply the rule to every target."""
    here: list[Any] = [row for row in rows if row["n"] == SIZE]
    return [_judge(target, here) for target in TARGETS]


def verdict(rows: Sequence[Row]) -> str:
    """Return the outcomes in sentences, one an outcome."""
    judged = judge_targets(rows)
    reasons = {one.reason for one in judged}
    if len(reasons) == 1 and all(one.ratio is None for one in judged):
        return f"{NOT_MEASURED.capitalize()}: {reasons.pop()}."
    parts = []
    for outcome in (HOLDS, DOES_NOT_HOLD, NOT_MEASURED):
        found = [_phrase(one) for one in judged if one.outcome == outcome]
        if found:
            parts.append(f"{outcome.capitalize()}: {'; '.join(found)}.")
    return " ".join(parts)


def _phrase(judged: Judged) -> str:
    detail = judged.reason if judged.ratio is None else f"{judged.ratio:.3g} times"
    return f"{judged.target.claim} ({detail})"


def _judge(target: Target, rows: Sequence[Any]) -> Judged:
    if not rows:
        return Judged(target, None, f"n = k = {SIZE} is not among the sizes")
    ours = next((row for row in rows if row["contestant"] == CLOSED_FORM), None)
    if ours is None or ours["status"] != Status.OK:
        return Judged(target, None, "the closed form was not timed")
    if not ours["relative_error"] <= OUR_ACCURACY:
        return Judged(target, None, f"the closed form's error is {ours['relative_error']:.1e}")
    theirs = [row for row in rows if row["contestant"] == target.contestant]
    accurate = [row for row in theirs if row["equal_accuracy"] and row["status"] == Status.OK]
    if not accurate:
        return Judged(target, None, _why_not(theirs))
    if target.quantity == "total":
        return Judged(target, accurate[0]["total_ratio"])
    if ours["backward_seconds"] <= 0:
        return Judged(target, None, "the closed form's backward pass is below the clock's noise")
    return Judged(target, accurate[0]["backward_seconds"] / ours["backward_seconds"])


def _why_not(rows: Sequence[Any]) -> str:
    """Say why none of a contestant's rows can be compared."""
    reason = next((row["reason"] for row in rows if row["reason"]), "")
    if reason:
        return reason
    errors = [row["relative_error"] for row in rows if row["relative_error"] is not None]
    return f"its error stays at {min(errors):.1e}" if errors else "not among the rows"
