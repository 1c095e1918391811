"""The frontier of a run as functions of its records: what each method needs to reach an accuracy."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import first_line
from ..records.record import Record
from .tables import ProblemKey, RowKey, by_problem, by_row, grouped, key_of, unbracketed

ACCURACIES = (1e-2, 1e-4, 1e-6)
Cost = Literal["seconds", "memory"]


@dataclass(frozen=True)
class Point:
    """Hold one budget of a method on one problem, with figures that hold on every seed.

    Attributes:
        key: of the row.
        error: relative, the worst of the seeds; the reference's own error where that is larger, since no
            method can be credited with more than the reference knows.
        bound: the reference's own error, the worst of the seeds.
        seconds: of solve and gradient, median over the seeds; None if it was not timed.
        memory: bytes, the largest of the seeds; None if the device tells none.
        ids: of the records.
    """

    key: RowKey
    error: float
    bound: float
    seconds: float | None
    memory: float | None
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """Hold a method's sweep with one solver on one problem; without points, `reason` says why."""

    method: str
    solver: str
    points: tuple[Point, ...]
    reason: str = ""

    def cheapest(self, accuracy: float, cost: Cost) -> Point | None:
        """Return the point of least cost whose error is at most the accuracy; None if there is none."""
        able = [
            point for point in self.points if point.error <= accuracy and cost_of(point, cost) is not None
        ]
        return min(able, key=lambda point: cost_of(point, cost) or 0.0, default=None)

    @property
    def floor(self) -> Point | None:
        """The point of least error."""
        return min(self.points, key=lambda point: (point.error, point.seconds or 0.0), default=None)


@dataclass(frozen=True)
class Frontier:
    """Hold all methods' standings on one problem, the best first.

    Attributes:
        problem: what is solved.
        bound: the reference's own error; None if there is no reference.
        standings: those that reach the finest accuracy first, each group by time.
    """

    problem: ProblemKey
    bound: float | None
    standings: tuple[Standing, ...]

    def knows(self, accuracy: float) -> bool:
        """Tell whether the reference is known to the accuracy, so that a method can be credited with it."""
        return self.bound is not None and self.bound <= accuracy


def make_frontiers(records: Iterable[Record]) -> list[Frontier]:
    """Return one frontier per problem, of the records that are points of a sweep; empty without such."""
    swept = [record for record in records if record.sweep]
    return [frontier_of(problem, group) for problem, group in by_problem(swept).items()]


def cost_of(point: Point, cost: Cost) -> float | None:
    """Return seconds or bytes."""
    return point.seconds if cost == "seconds" else point.memory


def undominated(frontier: Frontier, cost: Cost) -> set[tuple[str, str]]:
    """Return method and solver of each standing that has a point on the Pareto front of cost and error.

    A point is on it if no other is at most as costly and at most as wrong, and better in one of both. Points
    that are as wrong as a gradient of zero, error 1, are left out: the cheapest method of all returns that.
    """
    owned = sorted(
        (float(price), point.error, (standing.method, standing.solver))
        for standing in frontier.standings
        for point in standing.points
        if point.error < 1 and (price := cost_of(point, cost)) is not None
    )
    front: set[tuple[str, str]] = set()
    least, reached = None, math.inf
    for price, error, owner in owned:
        # Less wrong than everything cheaper, or the equal of a point that is.
        if error < reached:
            least, reached = price, error
        if (price, error) == (least, reached):
            front.add(owner)
    return front


def frontier_of(problem: ProblemKey, records: Sequence[Record]) -> Frontier:
    """Return the frontier of one problem's records; outside a sweep a record is filed under its method."""
    sweeps = grouped(records, lambda record: (record.sweep or unbracketed(record.method), record.solver))
    standings = [_standing(method, solver, group) for (method, solver), group in sweeps.items()]
    known = [record.reference_error for record in records if record.reference_error is not None]
    return Frontier(problem, max(known, default=None), tuple(sorted(standings, key=_order)))


def _standing(method: str, solver: str, records: Sequence[Record]) -> Standing:
    runs = by_row(records)
    points = [point for group in runs.values() if (point := _point(group)) is not None]
    if points:
        return Standing(method, solver, tuple(points))
    first = next((record for record in records if not record.status.measured), records[0])
    return Standing(method, solver, (), first_line(first.reason or first.reference) or first.status.sentence)


def _point(records: Sequence[Record]) -> Point | None:
    """Join the seeds of one budget; None if one seed has no error, since the budget then reaches nothing."""
    pairs = [(record.relative_error, record.reference_error) for record in records]
    errors = [max(error, bound) for error, bound in pairs if error is not None and bound is not None]
    if len(errors) < len(records) or not all(record.status.measured for record in records):
        return None
    seconds = [record.total_seconds for record in records if record.total_seconds is not None]
    memory = [record.memory_bytes for record in records if record.memory_bytes is not None]
    return Point(
        key_of(records[0]),
        max(errors),
        max(bound for _, bound in pairs if bound is not None),
        statistics.median(seconds) if len(seconds) == len(records) else None,
        max(memory) if len(memory) == len(records) else None,
        tuple(record.id for record in records),
    )


def _order(standing: Standing) -> tuple[object, ...]:
    """Sort by the finest accuracy that is reached, then by the time it takes."""
    for rank, accuracy in enumerate(sorted(ACCURACIES)):
        point = standing.cheapest(accuracy, "seconds")
        if point is not None:
            return rank, point.seconds, standing.method, standing.solver
    floor = standing.floor
    return len(ACCURACIES), floor.error if floor else float("inf"), standing.method, standing.solver
