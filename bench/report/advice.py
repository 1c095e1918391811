"""Which method to use for a problem that was not measured: from the nearest that was, scaled."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from ..errors import UserError
from ..grid.catalogue import built_in
from ..grid.expand import shape_of
from ..records.record import Record
from .frontier import Cost, Frontier, Point, Standing, cost_of, frontier_of
from .tables import Problem, grouped, problem_of

NEAR = 4.0
"""A recorded problem with so many times more or fewer pixels is called far."""
_LARGEST_POWER = 3.0
_ONE_BY_ONE = ("FiniteDifference", "ForwardMode")


@dataclass(frozen=True)
class Question:
    """Say what somebody wants to differentiate.

    Attributes:
        shape: of one signal or image.
        parameters: how many numbers to differentiate by.
        dtype: "float64" or "float32".
        accuracy: largest relative error of the hypergradient.
        memory: bytes at most; None for no limit.
        batch: signals or images at once.
        task: its name; None for every recorded one.
        regularizer: its name; None for every recorded one.
    """

    shape: tuple[int, ...]
    parameters: int
    dtype: str
    accuracy: float
    memory: float | None = None
    batch: int = 1
    task: str | None = None
    regularizer: str | None = None

    @property
    def pixels(self) -> int:
        """Numbers in one signal or image."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Recorded:
    """A problem that was measured, in one run's folder."""

    folder: Path
    frontier: Frontier
    pixels: int
    parameters: int | None

    @property
    def problem(self) -> Problem:
        """What was solved."""
        return self.frontier.problem


@dataclass(frozen=True)
class Option:
    """A method that reaches the accuracy on the nearest problem, and what it would need for the question.

    Attributes:
        method: its name.
        solver: its solver's.
        point: the cheapest budget that reaches the accuracy where it was measured.
        seconds: estimated; None if it was not timed.
        memory: bytes, estimated; None if no figure was recorded.
        powers: of pixels, with which time and memory were scaled.
    """

    method: str
    solver: str
    point: Point
    seconds: float | None
    memory: float | None
    powers: tuple[float, float]

    def fits(self, question: Question) -> bool:
        """Tell whether the estimate is within the limit; an unknown one fits only without a limit."""
        return question.memory is None or (self.memory is not None and self.memory <= question.memory)


@dataclass(frozen=True)
class Advice:
    """What the nearest problem of one task and regulariser says, options by estimated time.

    Attributes:
        nearest: the recorded problem.
        second: another size of it, from which powers of pixels were found; None if there is none.
        options: methods that reach the accuracy.
        missed: method, solver and floor of the others, the least wrong first.
    """

    nearest: Recorded
    second: Recorded | None
    options: tuple[Option, ...]
    missed: tuple[tuple[str, str, float], ...]


def recorded_problems(folders: Mapping[Path, Iterable[Record]]) -> list[Recorded]:
    """Return every problem that has records, apart for each folder: machines are never mixed."""
    found = []
    for folder, records in folders.items():
        for problem, group in grouped(records, problem_of).items():
            pixels = math.prod(shape_of(problem.size))
            found.append(Recorded(folder, frontier_of(problem, group), pixels, _parameters(group[0])))
    return found


def advise(question: Question, recorded: Sequence[Recorded]) -> list[Advice]:
    """Return one advice a task and regulariser, for those that the question allows.

    Near is what has a similar number of pixels and of parameters. Raises `UserError` if nothing of the kind
    was recorded, with what was.
    """
    fitting = [one for one in recorded if _fits(question, one)]
    if not fitting:
        raise UserError(_nothing(question, recorded))
    kinds: dict[tuple[str, str], list[Recorded]] = {}
    for one in fitting:
        kinds.setdefault((one.problem.task, one.problem.regularizer), []).append(one)
    return [_advice(question, group) for group in kinds.values()]


def _advice(question: Question, group: Sequence[Recorded]) -> Advice:
    known = [one for one in group if one.frontier.knows(question.accuracy)]
    nearest = min(known or group, key=lambda one: _distance(question, one))
    second = _second(nearest, group)
    options, missed = [], []
    for standing in nearest.frontier.standings:
        point = standing.cheapest(question.accuracy, "seconds")
        if point is not None:
            options.append(_option(question, nearest, second, standing, point))
        elif standing.floor is not None:
            missed.append((standing.method, standing.solver, standing.floor.error))
    options.sort(key=lambda option: (option.seconds is None, option.seconds, option.method))
    return Advice(nearest, second, tuple(options), tuple(sorted(missed, key=lambda one: one[2])))


def _option(
    question: Question, nearest: Recorded, second: Recorded | None, standing: Standing, point: Point
) -> Option:
    twin = _twin(question, second, standing)
    powers = _power(nearest, second, point, twin, "seconds"), _power(nearest, second, point, twin, "memory")
    batches = question.batch / nearest.problem.batch
    grown = question.pixels / nearest.pixels
    slower = 1.0
    if standing.method.startswith(_ONE_BY_ONE) and nearest.parameters:
        slower = question.parameters / nearest.parameters
    scaled = [
        None if value is None else value * batches * grown**power
        for value, power in ((point.seconds, powers[0]), (point.memory, powers[1]))
    ]
    seconds = None if scaled[0] is None else scaled[0] * slower
    return Option(standing.method, standing.solver, point, seconds, scaled[1], powers)


def _power(nearest: Recorded, second: Recorded | None, point: Point, twin: Point | None, cost: Cost) -> float:
    """Return the power of pixels that joins two recorded sizes, at least one; one without a second size."""
    if second is None or twin is None:
        return 1.0
    values = cost_of(point, cost), cost_of(twin, cost)
    if not values[0] or not values[1]:
        return 1.0
    one = math.log(values[0]) - math.log(nearest.problem.batch)
    other = math.log(values[1]) - math.log(second.problem.batch)
    power = (one - other) / math.log(nearest.pixels / second.pixels)
    # Small problems are all overhead, and would promise that large ones cost nothing.
    return min(max(power, 1.0), _LARGEST_POWER)


def _twin(question: Question, second: Recorded | None, standing: Standing) -> Point | None:
    """Return the same method's point at the other size."""
    for other in second.frontier.standings if second else ():
        if (other.method, other.solver) == (standing.method, standing.solver):
            return other.cheapest(question.accuracy, "seconds")
    return None


def _second(nearest: Recorded, group: Sequence[Recorded]) -> Recorded | None:
    """Return the nearest other size of the same problem in the same folder."""
    others = [one for one in group if one.folder == nearest.folder and one.pixels != nearest.pixels]
    return min(others, key=lambda one: abs(math.log(one.pixels / nearest.pixels)), default=None)


def _distance(question: Question, one: Recorded) -> tuple[float, int]:
    """Return how far a problem is, in factors; of equally near ones that with most methods comes first."""
    far = abs(math.log(question.pixels / one.pixels))
    far += abs(math.log(question.parameters / one.parameters)) if one.parameters else 0.0
    return far, -len(one.frontier.standings)


def _fits(question: Question, one: Recorded) -> bool:
    """Tell whether a recorded problem is of the question's kind."""
    problem = one.problem
    return (
        len(shape_of(problem.size)) == len(question.shape)
        and problem.dtype == question.dtype
        and question.task in (None, plain(problem.task))
        and question.regularizer in (None, plain(problem.regularizer))
        and any(standing.points for standing in one.frontier.standings)
    )


def plain(label: str) -> str:
    """Return a label without its settings."""
    return label.partition("(")[0]


def _nothing(question: Question, recorded: Sequence[Recorded]) -> str:
    kind = "images" if len(question.shape) == 2 else "signals"
    asked = [name for name in (question.task, question.regularizer) if name] + [kind, question.dtype]
    have = sorted(
        {
            f"{one.problem.task}, {one.problem.regularizer}, {one.problem.size}, {one.problem.dtype}"
            for one in recorded
        }
    )
    listing = "; ".join(have) if have else "nothing"
    return f"nothing recorded with an error for {', '.join(asked)}; recorded: {listing}"


def _parameters(record: Record) -> int | None:
    """Return how many parameters were differentiated by; older records do not tell, but their start does."""
    if record.parameters is not None:
        return record.parameters
    regularizer = built_in().regularizers.get(plain(record.regularizer))
    if regularizer is None:
        return None
    try:
        start = regularizer.initial(shape_of(record.size), 0)
    except ValueError:
        return None
    return sum(leaf.size for leaf in jax.tree.leaves(start))
