"""The answer that a run gives: on each problem, the cheapest method at three accuracies."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..records.record import Record
from .columns import mebibytes, milliseconds, scientific, significant
from .frontier import ACCURACIES, Frontier, Point, Standing, frontier_of
from .frontier_page import exponent
from .tables import EMPTY, ProblemKey, RowKey, by_problem, by_row, key_of, unbracketed
from .text_table import TextTable

HEADING = "Which method?"
SAME = "the same"
_EXPLAINED = (
    "The cheapest method that is right to the accuracy at the head of the column, on every seed: time of "
    "solve and gradient (median over rounds, then seeds), memory of the compiled program, and how many times "
    "as long the next method takes. Every method counts with its cheapest solver and budget. Differences of "
    "some per cent are within the clock's noise."
)


@dataclass(frozen=True)
class Cheapest:
    """Hold the cheapest method at an accuracy, and the next one.

    Attributes:
        standing: the method, with its solver.
        point: its cheapest budget.
        next: the cheapest other method; None if no other reaches the accuracy.
        ratio: its time over the cheapest's; None without it.
    """

    standing: Standing
    point: Point
    next: Standing | None
    ratio: float | None


def cheapest_of(frontier: Frontier, accuracy: float) -> Cheapest | None:
    """Return who is cheapest in time; None if nobody that was timed reaches the accuracy."""
    able = sorted(_able(frontier, accuracy), key=lambda one: (one[0], one[1].method, one[1].solver))
    if not able:
        return None
    seconds, standing, point = able[0]
    others = [one for one in able if one[1].method != standing.method]
    if not others:
        return Cheapest(standing, point, None, None)
    return Cheapest(standing, point, others[0][1], others[0][0] / seconds)


def answer_table(records: Iterable[Record]) -> TextTable:
    """Return one line per problem, and a sentence where one method alone is right, or none."""
    groups = by_problem(records)
    short = {problem: _short_of_seeds(group) for problem, group in groups.items()}
    frontiers = [frontier_of(problem, _without(short[problem], group)) for problem, group in groups.items()]
    return TextTable(
        heading=HEADING,
        text=_EXPLAINED,
        columns=["problem", *(f"to {exponent(accuracy)}" for accuracy in ACCURACIES)],
        lines=[_line(frontier) for frontier in frontiers],
        words=[f"to {exponent(accuracy)}" for accuracy in ACCURACIES],
        remarks=[*_remarks(frontiers), *(_short(problem, rows) for problem, rows in short.items() if rows)],
    )


def _short_of_seeds(records: Sequence[Record]) -> set[RowKey]:
    """Return the rows that lack a seed which others on the problem have: a run that is not finished."""
    seeds = {record.seed for record in records}
    rows = by_row(records)
    return {key for key, own in rows.items() if {record.seed for record in own} != seeds}


def _without(rows: Collection[RowKey], records: Sequence[Record]) -> Sequence[Record]:
    return [record for record in records if key_of(record) not in rows] if rows else records


def _short(problem: ProblemKey, rows: Iterable[RowKey]) -> str:
    names = sorted({unbracketed(key.method) for key in rows})
    return (
        f"Left out, as not every seed is recorded yet, are budgets of {', '.join(names)}: {problem.title()}"
    )


def _able(frontier: Frontier, accuracy: float) -> list[tuple[float, Standing, Point]]:
    cheapest = [(one, one.cheapest(accuracy, "seconds")) for one in frontier.standings]
    return [
        (point.seconds, standing, point)
        for standing, point in cheapest
        if point is not None and point.seconds is not None
    ]


def _line(frontier: Frontier) -> list[str]:
    cells = [_cell(frontier, accuracy) for accuracy in ACCURACIES]
    shown = [cells[0]]
    for before, cell in pairwise(cells):
        shown.append(SAME if cell == before and cell != EMPTY else cell)
    return [frontier.problem.title(), *shown]


def _cell(frontier: Frontier, accuracy: float) -> str:
    found = cheapest_of(frontier, accuracy)
    if found is None:
        return EMPTY
    memory = "" if found.point.memory is None else f", {mebibytes(found.point.memory)} MiB"
    cost = f"{milliseconds(found.point.seconds or 0.0)} ms{memory}"
    if found.next is None or found.ratio is None:
        return f"{_name(found.standing)}: {cost}; no other"
    times = f"{significant(found.ratio)} times as long"
    return f"{_name(found.standing)}: {cost}; next {unbracketed(found.next.method)}, {times}"


def _name(standing: Standing) -> str:
    return f"{unbracketed(standing.method)} with {unbracketed(standing.solver)}"


def _remarks(frontiers: Sequence[Frontier]) -> list[str]:
    """Say where one method alone is right, or none, or nobody can tell; one line per sentence."""
    problems: dict[str, list[str]] = {}
    for frontier in frontiers:
        sentence = _remark(frontier)
        if sentence:
            problems.setdefault(sentence, []).append(frontier.problem.title())
    return [f"{sentence}: {'; '.join(titles)}" for sentence, titles in problems.items()]


def _remark(frontier: Frontier) -> str:
    coarsest = ACCURACIES[0]
    if frontier.bound is None:
        return "No reference says who is right"
    if not frontier.knows(coarsest):
        return f"The reference itself is known to {scientific(frontier.bound)} only"
    right = {one.method for one in frontier.standings if _is_right(one, coarsest)}
    timed = {one.method for one in frontier.standings if one.cheapest(coarsest, "seconds") is not None}
    if right and not timed:
        names = ", ".join(sorted(map(unbracketed, right)))
        return f"Right to {exponent(coarsest)}, but not timed: {names}"
    if len(right) == 1:
        return f"Only {unbracketed(right.pop())} is right to {exponent(coarsest)}"
    floors = [(one.floor.error, one.method) for one in frontier.standings if one.floor is not None]
    if right or not floors:
        return ""
    error, method = min(floors)
    least = f"the least wrong is {unbracketed(method)}, by {scientific(error)}"
    return f"No method is right to {exponent(coarsest)}; {least}"


def _is_right(standing: Standing, accuracy: float) -> bool:
    """Tell whether a budget of it is right, whatever it costs."""
    return any(point.error <= accuracy for point in standing.points)
