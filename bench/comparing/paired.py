"""The cases that two runs have in common."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..records.record import Record
from ..report.tables import grouped, problem_of


@dataclass(frozen=True)
class Paired:
    """A case in both runs.

    Attributes:
        before: its record in the first run.
        after: its record in the second run.
        pace: the median ratio of times, second over first, of all methods on the same problem; None where
            none was timed in both.
    """

    before: Record
    after: Record
    pace: float | None

    @property
    def ratio(self) -> float | None:
        """Its time in the second run over that in the first; None if it was not timed in both."""
        return time_ratio(self.before, self.after)

    @property
    def own(self) -> float | None:
        """The ratio over the pace: what this method lost beyond what all lost on the problem."""
        return None if self.ratio is None or self.pace is None else self.ratio / self.pace


@dataclass(frozen=True)
class Matched:
    """Two runs, case by case.

    Attributes:
        pairs: the cases in both, in the order of the second.
        only_before: how many cases the first run has alone.
        only_after: how many cases the second run has alone.
    """

    pairs: tuple[Paired, ...]
    only_before: int
    only_after: int

    @property
    def pace(self) -> float | None:
        """The median ratio of times over all cases: how much slower the machine was, or everything."""
        ratios = [one.ratio for one in self.pairs if one.ratio is not None]
        return statistics.median(ratios) if ratios else None


def match(before: Sequence[Record], after: Sequence[Record]) -> Matched:
    """Pair the records of equal cases, by their ids; of several records of one case the last counts."""
    first, second = ({record.id: record for record in records} for records in (before, after))
    common = [record for id_, record in second.items() if id_ in first]
    pace = {problem: _pace(group, first) for problem, group in grouped(common, problem_of).items()}
    pairs = tuple(Paired(first[record.id], record, pace[problem_of(record)]) for record in common)
    return Matched(pairs, len(first.keys() - second.keys()), len(second.keys() - first.keys()))


def time_ratio(before: Record, after: Record) -> float | None:
    """Return the second time of solve and gradient over the first; None without both."""
    if before.total_seconds is None or after.total_seconds is None:
        return None
    return after.total_seconds / before.total_seconds


def _pace(records: Sequence[Record], first: Mapping[str, Record]) -> float | None:
    """Methods take turns on a problem, so that what slows down the machine slows down all of them there."""
    ratios = [time_ratio(first[record.id], record) for record in records]
    known = [ratio for ratio in ratios if ratio is not None]
    return statistics.median(known) if known else None
