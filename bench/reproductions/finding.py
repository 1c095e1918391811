"""What the rows of a reproduction say of a paper's claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from .counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED, Counted
from .rows import RecordedRow


class Verdict(StrEnum):
    """Say what became of a claim."""

    HOLDS = "holds"
    IN_DIRECTION = "holds in direction"
    DOES_NOT_HOLD = "does not hold"
    NOT_TESTED = "could not be tested"


@dataclass(frozen=True)
class ClaimFinding:
    """A verdict on one claim, and what it rests on.

    Attributes:
        claim: the claim's name, such as "A1".
        rule: how the verdict follows from the rows.
        setting: on what it was measured.
        measured: the numbers, with their spread.
        verdict: what the rule says.
        reason: why it could not be tested, or what stands in the way of the whole claim.
    """

    claim: str
    rule: str
    setting: str
    measured: str = ""
    verdict: Verdict = Verdict.NOT_TESTED
    reason: str = "not measured yet"


@runtime_checkable
class SettlesClaims(Protocol):
    """A reproduction that settles claims of a paper."""

    def findings(self, rows: Sequence[RecordedRow]) -> Sequence[ClaimFinding]:
        """Return a finding for each claim that it settles, in the order of their names.

        Without rows they are the same claims, not tested.

        Raises:
            UserError: for a row that lacks a field, or holds another type there.
        """
        ...


def verdict_of(targets: Sequence[Counted]) -> Verdict:
    """Return whether all targets hold, some, or none; not tested where one of them was not measured."""
    outcomes = {one.outcome for one in targets}
    if not targets or NOT_MEASURED in outcomes:
        return Verdict.NOT_TESTED
    if DOES_NOT_HOLD not in outcomes:
        return Verdict.HOLDS
    return Verdict.IN_DIRECTION if HOLDS in outcomes else Verdict.DOES_NOT_HOLD


def counts_of(targets: Sequence[Counted]) -> str:
    """Return the targets' counts, details and what is left out, in one line."""

    def told(one: Counted) -> str:
        left_out = f"left out: {one.left_out}" if one.left_out else ""
        return ", ".join(filter(None, [f"{one.met} of {one.of}", one.detail, left_out]))

    return "; ".join(f"{one.claim}: {told(one)}" for one in targets)


def finding_of(claim: str, rule: str, setting: str, targets: Sequence[Counted]) -> ClaimFinding:
    """Return the finding of a claim that holds where all targets hold, in direction where some do.

    Where anything is left out, it holds in direction at most: nothing is known of that part.
    """
    verdict = verdict_of(targets)
    if verdict is Verdict.NOT_TESTED:
        return _untested(claim, rule, setting, targets)
    reason = ""
    if verdict is Verdict.HOLDS and any(one.left_out for one in targets):
        verdict, reason = Verdict.IN_DIRECTION, "a part of what was measured is left out"
    return ClaimFinding(claim, rule, setting, counts_of(targets), verdict, reason)


def _untested(claim: str, rule: str, setting: str, targets: Sequence[Counted]) -> ClaimFinding:
    """Tell what was measured, and that none of it can be judged, from what was not measured."""
    if not any(one.of or one.left_out for one in targets):
        return ClaimFinding(claim, rule, setting)
    lacking = "; ".join(one.claim for one in targets if not one.of)
    return ClaimFinding(claim, rule, setting, counts_of(targets), reason=f"nothing to judge: {lacking}")
