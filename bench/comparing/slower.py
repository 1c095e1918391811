"""Which methods became slower or faster than the others, by a test that is stated."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .paired import Matched, ratios_by_problem

LEVEL = 0.01
LEAST = 1.15
"""The smallest change that is said: over pairs of runs of one commit, methods' ratios were 0.89 to 1.11."""
FEWEST = 3
DRAWS = 100_000
RULE = (
    "On each problem a method has the median ratio of its times, second run over first. Methods take turns "
    "there, so that what slows down the machine slows down all of them: the ratio is divided by the pace, "
    f"the median ratio of the other methods. Problems with fewer than {FEWEST} methods do not count. A "
    "method is said to have changed if the mean of its logarithms over the problems is further from zero "
    "than that of as many ratios drawn at random, one of any method on each of these problems: a permutation "
    f"test at a level of {LEVEL:g} for all methods together (Holm); and if the ratio, its exponential, is at "
    f"least {LEAST:g}, or at most its inverse. It cannot tell where even the largest of all ratios on each "
    "problem would not pass. A change that half of the methods share cannot be told from a slower machine."
)


class MethodChange(NamedTuple):
    """A method's times in the second run over those in the first, beside the others'.

    Attributes:
        method: with its settings.
        problems: how many count.
        raw: the median ratio of its times.
        ratio: the geometric mean over the problems, each over the pace of the other methods.
        spread: first and third quartile of what is averaged.
        p: of the test, corrected for the number of methods; None where it cannot tell.
    """

    method: str
    problems: int
    raw: float
    ratio: float
    spread: tuple[float, float]
    p: float | None

    @property
    def significant(self) -> bool:
        """Whether it changed by the rule."""
        return self.p is not None and self.p <= LEVEL and abs(math.log(self.ratio)) >= math.log(LEAST)


def method_changes(matched: Matched) -> list[MethodChange]:
    """Return every method that was timed in both runs beside others, the one that lost most first."""
    ratios = {
        problem: methods for problem, methods in ratios_by_problem(matched).items() if len(methods) >= FEWEST
    }
    moved = [_over_the_pace(methods) for methods in ratios.values()]
    names = sorted({method for methods in moved for method in methods})
    own = {name: [methods for methods in moved if name in methods] for name in names}
    tests = {name: _permutation_test(name, own[name], len(names)) for name in names}
    corrected = _holm(tests)
    changes = []
    for name in names:
        logs = [methods[name] for methods in own[name]]
        raw = statistics.median(methods[name] for methods in ratios.values() if name in methods)
        spread = tuple(float(np.exp(np.quantile(logs, share))) for share in (0.25, 0.75))
        ratio = math.exp(statistics.fmean(logs))
        changes.append(MethodChange(name, len(logs), raw, ratio, (spread[0], spread[1]), corrected[name]))
    return sorted(changes, key=lambda one: (-one.ratio, one.method))


def _over_the_pace(methods: Mapping[str, float]) -> dict[str, float]:
    """Return the logarithm of each method's ratio over the median of the others'."""
    logs = {method: math.log(ratio) for method, ratio in methods.items()}
    return {
        method: log - statistics.median(other for name, other in logs.items() if name != method)
        for method, log in logs.items()
    }


def _permutation_test(name: str, problems: Sequence[Mapping[str, float]], tests: int) -> float | None:
    """Return the chance of a mean as far from zero; None if none could be small enough."""
    least = math.prod(1 / len(methods) for methods in problems)
    if max(least, 1 / (DRAWS + 1)) * tests > LEVEL:
        return None
    mine = abs(statistics.fmean(methods[name] for methods in problems))
    values = [np.asarray(list(methods.values())) for methods in problems]
    drawn, exact = _means(values)
    # What was drawn stands for all that could be: the method's own mean counts as one more.
    further = int(np.sum(np.abs(drawn) >= mine * (1 - 1e-12)))
    return further / len(drawn) if exact else (further + 1) / (len(drawn) + 1)


def _means(values: Sequence[Float[np.ndarray, " _"]]) -> tuple[Float[np.ndarray, " draws"], bool]:
    """Return the means of one value of each problem: all of them, or as many as 100,000 at random."""
    if math.prod(map(len, values)) <= DRAWS:
        return functools.reduce(np.add.outer, values).ravel() / len(values), True
    random = np.random.default_rng(0)
    total = np.zeros(DRAWS)
    for own in values:
        total += own[random.integers(len(own), size=DRAWS)]
    return total / len(values), False


def _holm(raw: Mapping[str, float | None]) -> dict[str, float | None]:
    """Correct for many tests; Holm, 1979. Those that cannot tell count among the many."""
    known = sorted((p, name) for name, p in raw.items() if p is not None)
    corrected: dict[str, float | None] = dict.fromkeys(raw)
    largest = 0.0
    for rank, (p, name) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(raw) - rank)))
        corrected[name] = largest
    return corrected
