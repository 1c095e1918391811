"""Other libraries' rules beside our implicit one at an accuracy: the ratio of times, problem by problem."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import contenders
from ..records.record import Record
from .columns import milliseconds
from .frontier import Frontier, Standing
from .tables import EMPTY, label

ACCURACY = 1e-4
OURS = "Implicit"
"""The default implicit rule: conjugate gradients on the optimality condition."""
COLUMNS = (
    "problem",
    "library's rule",
    "its solver",
    "steps",
    "solve ms",
    "total ms",
    "our solver",
    "steps",
    "solve ms",
    "total ms",
    "ratio",
)
EXPLAINED = (
    f"Each rule with whichever solver and budget reaches a hypergradient error of {ACCURACY:g} in the least "
    "time, in the same rounds on the same arrays. **ratio**: its total time over ours; above one, ours is "
    "faster. Steps are the solver's; total less solve is what the gradient costs."
)
_NAMES = tuple(name for name, one in vars(contenders).items() if isinstance(one, type))


class Pair(NamedTuple):
    """The cheapest records of a library's rule and of ours on one problem; None where it is not reached."""

    problem: str
    rule: str
    theirs: Record | None
    ours: Record | None

    @property
    def ratio(self) -> float | None:
        """Their time over ours."""
        if self.theirs is None or self.ours is None:
            return None
        return (self.theirs.total_seconds or 0.0) / (self.ours.total_seconds or 1.0)


def make_pairs(frontiers: Sequence[Frontier], records: Sequence[Record]) -> list[Pair]:
    """Return one pair a problem and other library's rule, in the order of the problems.

    Those that neither reaches are left out.
    """
    by_id = {record.id: record for record in records}
    pairs = []
    for frontier in frontiers:
        ours = _cheapest(frontier, OURS, by_id)
        rules = sorted({one.method for one in frontier.standings if one.method.startswith(_NAMES)})
        title = frontier.problem.title()
        pairs += [Pair(title, rule, _cheapest(frontier, rule, by_id), ours) for rule in rules]
    return [one for one in pairs if one.theirs or one.ours]


def pair_lines(pairs: Sequence[Pair]) -> list[list[str]]:
    """Return the table's lines, and the median of each library's rule last."""
    lines = [
        [one.problem, one.rule, *_cells(one.theirs), *_cells(one.ours), _ratio(one.ratio)] for one in pairs
    ]
    for rule in dict.fromkeys(one.rule for one in pairs):
        found = [one.ratio for one in pairs if one.rule == rule and one.ratio is not None]
        if found:
            count = f"median of {len(found)} problems"
            lines.append([count, rule, *[""] * 8, _ratio(statistics.median(found))])
    return lines


def _cheapest(frontier: Frontier, rule: str, by_id: Mapping[str, Record]) -> Record | None:
    standings: list[Standing] = [one for one in frontier.standings if one.method == rule]
    found = [point for one in standings if (point := one.cheapest(ACCURACY, "seconds")) is not None]
    best = min(found, key=lambda point: point.seconds or 0.0, default=None)
    return None if best is None else by_id[best.ids[0]]


def _cells(record: Record | None) -> list[str]:
    if record is None or record.solve_seconds is None or record.total_seconds is None:
        return [EMPTY] * 4
    steps = EMPTY if record.steps is None else f"{record.steps:.0f}"
    times = milliseconds(record.solve_seconds), milliseconds(record.total_seconds)
    return [label(record.solver), steps, *times]


def _ratio(ratio: float | None) -> str:
    return EMPTY if ratio is None else f"{ratio:.2f}"
