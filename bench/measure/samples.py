"""What the clock hands back: seconds per round, their quartiles, and ratios formed round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..records.status import Status


class Quartiles(NamedTuple):
    """Hold the median and the lower and upper quartile of a set of values, in the values' unit."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Samples:
    """Hold one entry's seconds, one value per round.

    `inner` calls were made and averaged in each round. A `status` other than ok (timed out, out of memory,
    failed) leaves one value or none, and `reason` says why. Caveat: quartiles describe the rounds of one
    process and not what another machine or another day would give.
    """

    seconds: tuple[float, ...]
    inner: int = 1
    status: Status = Status.OK
    reason: str = ""

    @property
    def quartiles(self) -> Quartiles | None:
        """Median and quartiles in seconds; None if nothing was timed."""
        return quartiles(self.seconds)

    @property
    def median(self) -> float | None:
        """Median in seconds."""
        return self.quartiles.median if self.quartiles else None

    @property
    def q1(self) -> float | None:
        """Lower quartile in seconds."""
        return self.quartiles.q1 if self.quartiles else None

    @property
    def q3(self) -> float | None:
        """Upper quartile in seconds."""
        return self.quartiles.q3 if self.quartiles else None


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Return median and quartiles, interpolated linearly; None for no values."""
    if not values:
        return None
    q1, median, q3 = np.quantile(np.asarray(values, dtype=np.float64), (0.25, 0.5, 0.75))
    return Quartiles(float(median), float(q1), float(q3))


def ratio(numerator: Samples, denominator: Samples) -> Quartiles | None:
    """Return the quartiles of the ratio formed within each round that both entries were timed in.

    A machine that slows down does so for both halves of a round, so the ratio moves less than either. Rounds
    are common from the first on: an entry only ever leaves them. None unless both entries are ok.
    """
    if numerator.status is not Status.OK or denominator.status is not Status.OK:
        return None
    return quartiles(
        [above / below for above, below in zip(numerator.seconds, denominator.seconds, strict=False)]
    )
