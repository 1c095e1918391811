"""A device's figures from measured times, by nonnegative least squares of relative errors."""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import UserError
from .program_cost import KINDS, DeviceFigures, Number, ProgramCost


class CostPoint(NamedTuple):
    """A program of a known size that was measured.

    Attributes:
        method: the row of a table that it counts for.
        where: the problem, in words.
        size: pixels, or what else grows in a check: numbers of a signal, iterations.
        cost: what the model says.
        seconds: of solve and gradient; None where nobody ran it.
        held_bytes: the compiler's figure; None where there is none.
    """

    method: str
    where: str
    size: int
    cost: ProgramCost
    seconds: Number | None
    held_bytes: Number | None


class Misjudged(NamedTuple):
    """How far predictions lie from what was measured.

    Attributes:
        ratio: predicted over measured, the median.
        worst: the largest factor between both, whichever is larger; at least 1.
        programs: that were predicted.
    """

    ratio: Number
    worst: Number
    programs: int


def fit_device(points: Sequence[CostPoint], kinds: Sequence[str] = KINDS) -> DeviceFigures:
    """Return the figures that no other nonnegative ones beat in the sum of squared relative errors.

    A figure that comes out as zero cannot be told from the others by these programs. With four unknowns all
    fifteen choices of which are positive are tried.

    Args:
        points: programs; those that were timed count.
        kinds: of work that may take time, the others are free: programs of one size do not tell what a loop
            costs from what its turns do.

    Raises:
        UserError: if no program was timed.
    """
    timed = [(point.cost.work.counts, point.seconds) for point in points if point.seconds]
    if not timed:
        raise UserError("a device's figures need programs that were timed; none of these was")
    rows = np.array([[count / seconds for count in counts] for counts, seconds in timed])
    scale = np.where(np.abs(rows).max(0) > 0, np.abs(rows).max(0), 1.0)
    best, least = np.zeros(rows.shape[1]), math.inf
    for chosen in _subsets([KINDS.index(kind) for kind in kinds]):
        found, *_ = np.linalg.lstsq(rows[:, chosen] / scale[chosen], np.ones(len(rows)), rcond=None)
        if np.any(found < 0):
            continue
        prices = np.zeros(rows.shape[1])
        prices[chosen] = found / scale[chosen]
        left = float(np.sum(np.square(rows @ prices - 1)))
        if left < least:
            best, least = prices, left
    return DeviceFigures(*map(float, best))


def own_factors(points: Iterable[CostPoint], device: DeviceFigures | None) -> dict[str, float]:
    """Return by what each method's predictions have to be multiplied to be right in the median.

    Args:
        points: from which it is learned.
        device: for seconds; None for bytes.
    """
    ratios: dict[str, list[float]] = {}
    for point in points:
        pair = predicted_and_measured(point, device)
        if pair is not None:
            ratios.setdefault(point.method, []).append(pair[1] / pair[0])
    return {method: statistics.median(found) for method, found in ratios.items()}


def misjudged(
    points: Iterable[CostPoint], device: DeviceFigures | None, factors: dict[str, float] | None = None
) -> dict[str, Misjudged]:
    """Return the errors of predictions, by method.

    Args:
        points: that took no part in the fit.
        device: for seconds; None for bytes.
        factors: of each method; None takes the model as it is. A method without one is left out.
    """
    ratios: dict[str, list[float]] = {}
    for point in points:
        pair = predicted_and_measured(point, device)
        factor = 1.0 if factors is None else factors.get(point.method)
        if pair is not None and factor is not None:
            ratios.setdefault(point.method, []).append(factor * pair[0] / pair[1])
    return {method: _summed_up(found) for method, found in ratios.items()}


def predicted_and_measured(point: CostPoint, device: DeviceFigures | None) -> tuple[Number, Number] | None:
    """Return seconds, or bytes without a device; None where they were not measured."""
    if device is None:
        return (point.cost.held_bytes, point.held_bytes) if point.held_bytes else None
    return (device.seconds(point.cost.work), point.seconds) if point.seconds else None


def _summed_up(ratios: Sequence[float]) -> Misjudged:
    worst = max(max(one, 1 / one) for one in ratios)
    return Misjudged(statistics.median(ratios), worst, len(ratios))


def _subsets(places: Sequence[int]) -> Iterable[list[int]]:
    sizes = range(1, len(places) + 1)
    return (list(chosen) for size in sizes for chosen in itertools.combinations(places, size))
