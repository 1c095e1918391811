"""The cases that two runs have in common."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..records.record import Record
from ..report.tables import ProblemKey, by_problem, grouped, unbracketed


@dataclass(frozen=True)
class Paired:
    """A case in both runs, with the same inputs.

    Attributes:
        before: its record in the first run.
        after: its record in the second run.
    """

    before: Record
    after: Record

    @property
    def ratio(self) -> float | None:
        """Its time in the second run over that in the first; None without two times that have a ratio."""
        old, new = self.before.total_seconds, self.after.total_seconds
        if old is None or new is None:
            return None
        ratio = new / old
        return ratio if math.isfinite(ratio) and ratio > 0 else None


@dataclass(frozen=True)
class Matched:
    """Two runs, case by case.

    Attributes:
        pairs: the cases in both, in the order of the second.
        only_before: how many cases the first run has alone.
        only_after: how many cases the second run has alone.
        other_inputs: how many cases in both are left out, since their inputs are not the same arrays.
    """

    pairs: tuple[Paired, ...]
    only_before: int
    only_after: int
    other_inputs: int

    @property
    def pace(self) -> float | None:
        """The median ratio of times over all cases: how much slower the machine was, or everything."""
        ratios = [one.ratio for one in self.pairs if one.ratio is not None]
        return statistics.median(ratios) if ratios else None


def match(before: Sequence[Record], after: Sequence[Record]) -> Matched:
    """Pair the records of equal cases, by their ids; of several records of one case the last counts."""
    first, second = ({record.id: record for record in records} for records in (before, after))
    common = [Paired(first[id_], record) for id_, record in second.items() if id_ in first]
    same = [pair for pair in common if pair.before.input_hashes == pair.after.input_hashes]
    alone = len(first.keys() - second.keys()), len(second.keys() - first.keys())
    return Matched(tuple(same), *alone, len(common) - len(same))


def ratios_by_problem(matched: Matched) -> dict[ProblemKey, dict[str, float]]:
    """Return the median ratio of each method on each problem, over its solvers, budgets and seeds."""
    by_id = {pair.after.id: pair for pair in matched.pairs if pair.ratio is not None}
    groups = by_problem(pair.after for pair in by_id.values())
    found: dict[ProblemKey, dict[str, float]] = {}
    for problem, records in groups.items():
        methods = grouped(records, lambda record: unbracketed(record.method))
        found[problem] = {
            method: statistics.median(by_id[record.id].ratio or 1.0 for record in own)
            for method, own in methods.items()
        }
    return found
