"""Which methods became slower or faster than the others, by a test that is stated."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import mannwhitneyu

from ..report.tables import unbracketed
from .paired import Matched

LEVEL = 0.01
LEAST = 1.1
RULE = (
    "Each case's time in the second run over that in the first is divided by the median of such ratios on "
    "its problem, on which methods take turns: what slows down the machine drops out. A method is said to "
    "have changed if Mann and Whitney's test tells its ratios from those of all other methods, two-sided, at "
    f"a level of {LEVEL:g} for all methods together (Holm), and their median is at least {LEAST:g}, or at "
    "most its inverse. A change of all methods alike is the pace; it cannot be told from a slower machine."
)


class MethodChange(NamedTuple):
    """A method's times in the second run over those in the first, beside the others'.

    Attributes:
        method: with its settings.
        cases: how many were timed in both runs.
        ratio: the median, over the pace of each problem.
        spread: first and third quartile.
        p: of the test, corrected for the number of methods; None with nothing to compare with.
    """

    method: str
    cases: int
    ratio: float
    spread: tuple[float, float]
    p: float | None

    @property
    def significant(self) -> bool:
        """Whether it changed by the rule."""
        return self.p is not None and self.p <= LEVEL and abs(math.log(self.ratio)) >= math.log(LEAST)


def method_changes(matched: Matched) -> list[MethodChange]:
    """Return every method that was timed in both runs, the one that lost most first."""
    ratios: dict[str, list[float]] = {}
    for pair in matched.pairs:
        if pair.own is not None:
            ratios.setdefault(unbracketed(pair.after.method), []).append(pair.own)
    raw = {method: _p(own, _others(ratios, method)) for method, own in ratios.items()}
    corrected = _holm(raw)
    changes = [
        MethodChange(method, len(own), statistics.median(own), _quartiles(own), corrected[method])
        for method, own in ratios.items()
    ]
    return sorted(changes, key=lambda one: (-one.ratio, one.method))


def _others(ratios: dict[str, list[float]], method: str) -> list[float]:
    return [one for name, own in ratios.items() if name != method for one in own]


def _p(own: Sequence[float], others: Sequence[float]) -> float | None:
    if not others:
        return None
    return float(mannwhitneyu(own, others, alternative="two-sided").pvalue)


def _holm(raw: dict[str, float | None]) -> dict[str, float | None]:
    """Correct for many tests; Holm, 1979."""
    known = sorted((p, name) for name, p in raw.items() if p is not None)
    corrected: dict[str, float | None] = dict.fromkeys(raw)
    largest = 0.0
    for rank, (p, name) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[name] = largest
    return corrected


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
