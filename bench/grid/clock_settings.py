"""How long to time what is compared."""

import math
from dataclasses import dataclass

from .suite_fields import is_whole, require


@dataclass(frozen=True)
class ClockSettings:
    """Say how long to time a set: `rounds_min` rounds for all, then up to `rounds_max` for the quick ones.

    An entry goes on while the time it took is below an equal share of `seconds`: a slow entry must not cost
    the quick ones the rounds that they need. `warmup` calls of each entry come first. An entry whose first
    call takes more than `limit_seconds` is left out of the rounds. An entry faster than `sample_seconds` is
    repeated within a round until it takes as long. Raises `ValueError` for counts that allow no round, and
    for seconds below zero.
    Caveat: a call is never interrupted, so that the limit saves the further calls and not the first.
    """

    rounds_min: int = 5
    rounds_max: int = 30
    seconds: float = 2.0
    warmup: int = 2
    limit_seconds: float = math.inf
    sample_seconds: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse counts that allow no round, and what is no number of seconds."""
        whole = all(map(is_whole, (self.rounds_min, self.rounds_max, self.warmup)))
        if not whole or self.rounds_min > self.rounds_max:
            raise ValueError(f"{self!r}: 1 <= rounds_min <= rounds_max and warmup >= 1 are accepted")
        for name in ("seconds", "limit_seconds", "sample_seconds"):
            require(self, name, "a number of seconds, 0 or more,", _is_long(getattr(self, name)))


def _is_long(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and number >= 0
