"""The weight of a regulariser that restores some images best."""

from collections.abc import Callable
from typing import NamedTuple

FURTHEST = 16
"""Doublings or halvings from the start at most."""
FINER = (0.5, 0.25)
"""Steps of the exponent around the best power of two."""


class Tuned(NamedTuple):
    """A factor that was found.

    Attributes:
        factor: which multiplies the regulariser.
        score: what it reaches.
        tries: how many factors were tried.
        at_the_edge: whether further factors, which were not tried, may be better.
    """

    factor: float
    score: float
    tries: int
    at_the_edge: bool


def best_factor(score: Callable[[float], float], start: float = 1.0) -> Tuned:
    """Find the factor with the largest score: by doubling or halving from the start, then in finer steps.

    Exact to a factor of 2^(1/8) either way where the score has one maximum; of several it finds one.

    Args:
        score: of a factor, such as the mean PSNR over images for training.
        start: the first factor.
    """
    scores: dict[float, float] = {}

    def at(exponent: float) -> float:
        if exponent not in scores:
            scores[exponent] = score(start * 2**exponent)
        return scores[exponent]

    best = max((0.0, 1.0, -1.0), key=at)
    while best and abs(best) < FURTHEST and at(best + (1.0 if best > 0 else -1.0)) > at(best):
        best += 1.0 if best > 0 else -1.0
    for step in FINER:
        best = max((best, best - step, best + step), key=at)
    return Tuned(start * 2**best, scores[best], len(scores), abs(best) >= FURTHEST)
