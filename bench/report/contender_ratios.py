"""Other libraries' rules beside our implicit one at an accuracy: the ratio of times, problem by problem."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..catalogue.built_in_names import CONTENDERS, class_names
from ..records.record import Record
from .columns import milliseconds
from .frontier import Frontier
from .tables import EMPTY, unbracketed
from .text_table import TextTable

ACCURACY = 1e-4
OURS = "Implicit"
"""The default implicit rule: conjugate gradients on the optimality condition."""
_COLUMNS = (
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
_EXPLAINED = (
    f"Each rule with whichever solver and budget reaches a hypergradient error of {ACCURACY:g} in the least "
    "time, in the same rounds on the same arrays. **ratio**: its total time over ours; above one, ours is "
    "faster. Steps are the solver's; total less solve is what the gradient costs."
)
_NAMES = tuple(class_names(CONTENDERS))


class RulePair(NamedTuple):
    """The cheapest records of a library's rule and of ours on one problem; None if the accuracy is missed."""

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


def make_pairs(frontiers: Sequence[Frontier], records: Sequence[Record]) -> list[RulePair]:
    """Return one pair per problem and other library's rule, in the order of the problems.

    Those that neither reaches are left out.
    """
    by_id = {record.id: record for record in records}
    pairs = []
    for frontier in frontiers:
        ours = _cheapest(frontier, OURS, by_id)
        methods = {standing.method for standing in frontier.standings}
        rules = sorted(method for method in methods if method.startswith(_NAMES))
        title = frontier.problem.title()
        pairs += [RulePair(title, rule, _cheapest(frontier, rule, by_id), ours) for rule in rules]
    return [pair for pair in pairs if pair.theirs or pair.ours]


def pairs_table(pairs: Sequence[RulePair]) -> TextTable:
    """Return the table of some pairs, with the median of each library's rule in its last lines."""
    lines = [
        [pair.problem, pair.rule, *_cells(pair.theirs), *_cells(pair.ours), _ratio(pair.ratio)]
        for pair in pairs
    ]
    for rule in dict.fromkeys(pair.rule for pair in pairs):
        ratios = [pair.ratio for pair in pairs if pair.rule == rule and pair.ratio is not None]
        if ratios:
            count = f"median of {len(ratios)} problems"
            lines.append([count, rule, *[""] * 8, _ratio(statistics.median(ratios))])
    return TextTable("Other libraries", _EXPLAINED, _COLUMNS, lines, words=("library's rule",))


def _cheapest(frontier: Frontier, rule: str, by_id: Mapping[str, Record]) -> Record | None:
    standings = [standing for standing in frontier.standings if standing.method == rule]
    points = [standing.cheapest(ACCURACY, "seconds") for standing in standings]
    reached = [point for point in points if point is not None]
    best = min(reached, key=lambda point: point.seconds or 0.0, default=None)
    return None if best is None else by_id[best.ids[0]]


def _cells(record: Record | None) -> list[str]:
    if record is None or record.solve_seconds is None or record.total_seconds is None:
        return [EMPTY] * 4
    steps = EMPTY if record.steps is None else f"{record.steps:.0f}"
    times = milliseconds(record.solve_seconds), milliseconds(record.total_seconds)
    return [unbracketed(record.solver), steps, *times]


def _ratio(ratio: float | None) -> str:
    return EMPTY if ratio is None else f"{ratio:.2f}"
