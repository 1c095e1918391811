"""Which method to use for a problem that was not measured: what the nearest recorded problem says."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import UserError
from ..grid.workloads import shape_of
from ..records.record import Record
from .frontier import Frontier, Point, frontier_of
from .tables import ProblemKey, by_problem

Fit = Literal["yes", "no", "unknown"]


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
    """Hold a problem that was measured, in one run's folder; `parameters` is None if nobody knows."""

    folder: Path
    frontier: Frontier
    pixels: int
    parameters: int | None

    @property
    def problem(self) -> ProblemKey:
        """What was solved."""
        return self.frontier.problem


@dataclass(frozen=True)
class Option:
    """Hold a method that reaches the accuracy on the nearest problem, with its cheapest recorded budget."""

    method: str
    solver: str
    point: Point


@dataclass(frozen=True)
class Advice:
    """Hold what the nearest problem of one task and regulariser says.

    Attributes:
        nearest: the recorded problem; all figures are of its size.
        options: methods that reach the accuracy there, by their recorded time.
        missed: method, solver and smallest error of the others, the least wrong first.
    """

    nearest: Recorded
    options: tuple[Option, ...]
    missed: tuple[tuple[str, str, float], ...]

    def best(self, question: Question) -> Option | None:
        """Return the fastest option that is within the memory, else the fastest that may be."""
        for wanted in ("yes", "unknown"):
            for option in self.options:
                if fit(question, self.nearest, option.point) == wanted:
                    return option
        return None


def recorded_problems(
    folders: Mapping[Path, Iterable[Record]], parameters_of: Callable[[Record], int | None]
) -> list[Recorded]:
    """Return every recorded problem, once per folder: machines are never mixed.

    `parameters_of` returns how many parameters a record differentiated by, None if nobody knows.
    """
    problems = []
    for folder, records in folders.items():
        for problem, group in by_problem(records).items():
            pixels = math.prod(shape_of(problem.size))
            problems.append(Recorded(folder, frontier_of(problem, group), pixels, parameters_of(group[0])))
    return problems


def advise(question: Question, recorded: Sequence[Recorded]) -> list[Advice]:
    """Return one advice per recorded task and regulariser that the question allows.

    The nearest problem is the one whose numbers of pixels and of parameters differ by the smallest factors.

    Raises:
        UserError: if nothing of the kind was recorded; the message lists what was.
    """
    candidates = [problem for problem in recorded if _is_of_the_kind(question, problem)]
    if not candidates:
        raise UserError(_nothing(question, recorded))
    kinds: dict[tuple[str, str], list[Recorded]] = {}
    for candidate in candidates:
        kinds.setdefault((candidate.problem.task, candidate.problem.regularizer), []).append(candidate)
    return [_advice(question, group) for group in kinds.values()]


def fit(question: Question, nearest: Recorded, point: Point) -> Fit:
    """Tell whether a method fits into the memory: "yes", "no", or "unknown" where the record cannot tell.

    Memory grows with the numbers that are handled. So a problem that is no larger than the recorded one fits
    if that did, and one that is no smaller does not if that did not; anything else was not measured.
    """
    if question.memory is None:
        return "yes"
    if point.memory is None or nearest.parameters is None:
        return "unknown"
    asked = question.pixels * question.batch, question.parameters
    measured = nearest.pixels * nearest.problem.batch, nearest.parameters
    pairs = list(zip(asked, measured, strict=True))
    if point.memory <= question.memory:
        return "yes" if all(mine <= theirs for mine, theirs in pairs) else "unknown"
    return "no" if all(mine >= theirs for mine, theirs in pairs) else "unknown"


def _advice(question: Question, group: Sequence[Recorded]) -> Advice:
    known = [candidate for candidate in group if candidate.frontier.knows(question.accuracy)]
    nearest = min(known or group, key=lambda candidate: _distance(question, candidate))
    options, missed = [], []
    for standing in nearest.frontier.standings:
        point = standing.cheapest(question.accuracy, "seconds")
        if point is not None:
            options.append(Option(standing.method, standing.solver, point))
        elif standing.floor is not None:
            missed.append((standing.method, standing.solver, standing.floor.error))
    options.sort(key=lambda option: (option.point.seconds or 0.0, option.method))
    return Advice(nearest, tuple(options), tuple(sorted(missed, key=lambda miss: miss[2])))


def _distance(question: Question, recorded: Recorded) -> tuple[float, int]:
    """Return how far a problem is, in logarithms; among equally near ones most methods come first."""
    far = abs(math.log(question.pixels / recorded.pixels))
    far += abs(math.log(question.parameters / recorded.parameters)) if recorded.parameters else 0.0
    return far, -len(recorded.frontier.standings)


def _is_of_the_kind(question: Question, recorded: Recorded) -> bool:
    """Tell whether a problem has the question's dimension, precision, task and regulariser, and an error."""
    problem = recorded.problem
    return (
        len(shape_of(problem.size)) == len(question.shape)
        and problem.dtype == question.dtype
        and question.task in (None, without_settings(problem.task))
        and question.regularizer in (None, without_settings(problem.regularizer))
        and any(standing.points for standing in recorded.frontier.standings)
    )


def without_settings(name: str) -> str:
    """Return a task's or regulariser's label without the settings in its brackets."""
    return name.partition("(")[0]


def _nothing(question: Question, recorded: Sequence[Recorded]) -> str:
    kind = "images" if len(question.shape) == 2 else "signals"
    asked = [name for name in (question.task, question.regularizer) if name] + [kind, question.dtype]
    problems = {
        f"{key.task}, {key.regularizer}, {key.size}, {key.dtype}"
        for key in (problem.problem for problem in recorded)
    }
    listing = "; ".join(sorted(problems)) or "nothing"
    return f"nothing recorded with an error for {', '.join(asked)}; recorded: {listing}"
