"""The closed form's backward pass over every contestant's, at every length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...records.status import Status
from ..counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from .contestants import CLOSED_FORM
from .rows import TimedRow

LARGEST_SHARE = 1.0
BACKWARD_RULE = (
    f"At every length the closed form's backward pass takes at most {LARGEST_SHARE} times as long as that of "
    "each contestant of equal accuracy, by the ratio of their medians. Of a contestant with several such "
    "settings the fastest backward pass counts. A median that is not positive lies below the clock's noise, "
    "and its ratio is not measured."
)


@dataclass(frozen=True)
class BackwardShare:
    """The closed form's backward pass over a contestant's, at one length.

    Attributes:
        n: the length.
        contestant: whose accuracy is equal.
        share: of the medians; None where one of them is noise.
    """

    n: int
    contestant: str
    share: float | None

    @property
    def outcome(self) -> str:
        """One of holds, does not hold, not measured."""
        if self.share is None:
            return NOT_MEASURED
        return HOLDS if self.share <= LARGEST_SHARE else DOES_NOT_HOLD


def backward_shares(rows: Sequence[TimedRow]) -> list[BackwardShare]:
    """Compare the closed form's backward pass with every contestant's of equal accuracy, by length."""
    found = []
    for n in sorted({row["n"] for row in rows}):
        fastest = _fastest([row for row in rows if row["n"] == n])
        ours = fastest.pop(CLOSED_FORM, None)
        if ours is not None:
            found += [BackwardShare(n, name, _share(ours, taken)) for name, taken in fastest.items()]
    return found


def _fastest(rows: Sequence[TimedRow]) -> dict[str, float]:
    """Return the shortest backward pass of each contestant of equal accuracy."""
    fastest: dict[str, float] = {}
    for row in rows:
        taken = row.get("backward_seconds")
        if taken is not None and row["equal_accuracy"] and row["status"] == Status.OK.value:
            name = row["contestant"]
            fastest[name] = min(taken, fastest.get(name, math.inf))
    return fastest


def _share(ours: float, theirs: float) -> float | None:
    return ours / theirs if min(ours, theirs) > 0 else None
