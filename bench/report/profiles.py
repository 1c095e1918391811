"""Performance profiles: on what share of the problems a method is within a factor of the fastest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .frontier import Frontier

LARGEST_FACTOR = 100.0


@dataclass(frozen=True)
class Profile:
    """Hold a method's ratios to the fastest, one per problem; infinite where it misses the accuracy.

    Source: Dolan and More, 2002.
    """

    method: str
    ratios: tuple[float, ...]

    def share(self, factor: float) -> float:
        """Return the share of problems whose ratio is at most the factor: rho(tau)."""
        return sum(ratio <= factor for ratio in self.ratios) / len(self.ratios)

    @property
    def area(self) -> float:
        """Area under rho over log tau, tau from 1 to 100, divided by that of a method always the fastest.

        Logarithmic since methods differ by powers of ten; AlgoPerf takes it over tau, from 1 to 4.
        """
        gains = [max(0.0, 1 - math.log(ratio) / math.log(LARGEST_FACTOR)) for ratio in self.ratios]
        return sum(gains) / len(gains)


def make_profiles(frontiers: Sequence[Frontier], accuracy: float) -> list[Profile]:
    """Return every method's profile over the problems whose reference is known to the accuracy.

    A method's time on a problem is that of its cheapest budget that reaches the accuracy, with whatever
    solver. Problems on which nobody reaches it count for nobody. The best area comes first; empty without
    such problems. Caveat: a method that does not apply to a problem misses it.
    """
    problems = [frontier for frontier in frontiers if frontier.knows(accuracy)]
    if not problems:
        return []
    seconds = [_seconds(frontier, accuracy) for frontier in problems]
    fastest = [min(times.values(), default=math.inf) for times in seconds]
    methods = {standing.method for frontier in problems for standing in frontier.standings}
    profiles = [
        Profile(
            method,
            tuple(_ratio(times.get(method), best) for times, best in zip(seconds, fastest, strict=True)),
        )
        for method in methods
    ]
    return sorted(profiles, key=lambda profile: (-profile.area, profile.method))


def _seconds(frontier: Frontier, accuracy: float) -> dict[str, float]:
    """Return, for every method that reaches the accuracy, the least seconds that it takes."""
    times: dict[str, float] = {}
    for standing in frontier.standings:
        point = standing.cheapest(accuracy, "seconds")
        if point is not None and point.seconds is not None:
            times[standing.method] = min(point.seconds, times.get(standing.method, math.inf))
    return times


def _ratio(seconds: float | None, fastest: float) -> float:
    return math.inf if seconds is None else seconds / fastest
