"""Groups of a run's cases, measured by workers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..grid.case import Case
from ..isolation.child import Setup
from ..isolation.limits import IsolationLimits
from ..records.record import Record
from .group_task import measure_group
from .handed_out import handed_out
from .waiting import Piece


def measured_groups(
    client: Any,
    groups: Sequence[Sequence[Case]],
    setup: Setup,
    limits: IsolationLimits,
    shares: Sequence[Sequence[int]],
    begin: Callable[[str], None],
) -> Iterator[list[Record]]:
    """Yield the records of one group after the other, as workers return them.

    Args:
        client: a `distributed.Client`.
        groups: each of cases that share an instance.
        setup: what has to be known of the run.
        limits: of the processes that measure.
        shares: which processors each worker of this machine has; empty for all.
        begin: is told what is going on.

    Raises:
        UserError: if a worker cannot make the cases, or group after group is lost.
    """
    run = setup.model_dump_json(), limits.model_dump_json(), [list(one) for one in shares]
    pieces = [
        Piece(
            group[0].instance.describe(),
            measure_group,
            (*run, [case.id for case in group]),
            group[0].instance.problem(),
        )
        for group in groups
    ]
    for lines in handed_out(client, pieces, begin):
        yield [Record.from_line(line) for line in lines]
