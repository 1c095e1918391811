"""How long groups of cases take, from the times at which a run's records were made."""

import datetime
import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..records.journal import Journal
from ..records.record import Record
from .program_cost import Number


class GroupSeconds(NamedTuple):
    """What the groups of a run took, each the cases of one instance.

    Attributes:
        compiled: seconds of each group that was the first of its problem: its programs are compiled.
        again: of each of the others, whose programs were there.
        records: of a group, the mean.
    """

    compiled: tuple[float, ...]
    again: tuple[float, ...]
    records: Number

    @property
    def first(self) -> Number:
        """The mean of those that compile."""
        return statistics.fmean(self.compiled)

    @property
    def later(self) -> Number:
        """The mean of those that do not."""
        return statistics.fmean(self.again)


class GridSeconds(NamedTuple):
    """What a grid of many seeds takes on many workers.

    Attributes:
        alone: in one process, which compiles each program once.
        fastest: on the workers, if each kept to as few problems as it can and nobody waited.
        slowest: on them, if every group compiles.
        groups_per_second: that end in the slowest case, with all workers at work.
    """

    alone: Number
    fastest: Number
    slowest: Number
    groups_per_second: Number


def group_seconds(folder: Path) -> GroupSeconds:
    """Return what the groups of a recorded run took; the first record's own time is not known.

    Raises:
        UserError: if the run has one seed, so that no group found its programs compiled.
    """
    records = Journal(folder / "records.jsonl", Record).read().entries
    compiled: dict[str, float] = {}
    again: dict[str, float] = {}
    for before, record in itertools.pairwise(records):
        kind = again if record.seed else compiled
        kind[_instance(record)] = kind.get(_instance(record), 0.0) + _seconds_between(before, record)
    if not again:
        raise UserError(f"{folder} has one seed; what a group takes without compiling needs two")
    groups = len(compiled) + len(again)
    return GroupSeconds(tuple(compiled.values()), tuple(again.values()), len(records) / groups)


def grid_seconds(one: GroupSeconds, groups: int, workers: int) -> GridSeconds:
    """Return what so many groups take on so many workers, nothing of the harness counted.

    Args:
        one: what a group takes.
        groups: of the grid; each problem has as many seeds as another.
        workers: one group at a time each.

    Raises:
        ValueError: for a count below 1.
    """
    if min(groups, workers) < 1:
        raise ValueError(f"groups and workers must be at least 1; got {groups} and {workers}")
    problems = len(one.compiled)
    compiling = (one.first - one.later) * problems
    alone = compiling + groups * one.later
    fastest = groups / workers * one.later + max(1.0, problems / workers) * (one.first - one.later)
    return GridSeconds(alone, fastest, groups / workers * one.first, workers / one.first)


def bottleneck_workers(groups_per_second: Number, seconds: Number) -> Number:
    """Return at how many workers a harness of so many groups a second is what a run waits for.

    So many workers end a group every `seconds` each: beyond, some wait for their next one.
    """
    return groups_per_second * seconds


def _instance(record: Record) -> str:
    fields: Sequence[object] = (record.task, record.regularizer, record.size, record.dtype, record.seed)
    return " ".join(map(str, fields))


def _seconds_between(before: Record, after: Record) -> Number:
    times = [datetime.datetime.fromisoformat(one.created) for one in (before, after)]
    return (times[1] - times[0]).total_seconds()
