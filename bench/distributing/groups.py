"""Hand groups to workers, and take their records as they come."""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import UserError
from ..grid.case import Case
from ..isolation.child import Setup
from ..isolation.limits import IsolationLimits
from ..records.record import Record
from .task import measure_group

ATTEMPTS = 20
"""How often a group is handed out whose worker is lost, where the scheduler gives up on it."""
PER_WORKER = 4
"""Groups that are handed out and not done, for each worker: enough that none waits."""


def measured_groups(
    client: Any,
    groups: Sequence[Sequence[Case]],
    setup: Setup,
    limits: IsolationLimits,
    shares: Sequence[Sequence[int]],
    begin: Callable[[str], None],
) -> Iterator[list[Record]]:
    """Yield the records of one group after the other, as workers return them.

    A group whose worker dies is measured by another one.

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
    distributed = importlib.import_module("distributed")
    run = setup.model_dump_json(), limits.model_dump_json(), [list(one) for one in shares]
    waiting, lost = list(reversed(groups)), dict[str, int]()
    handed: dict[Any, Sequence[Case]] = {}

    def hand_out(group: Sequence[Case]) -> Any:
        ids = [case.id for case in group]
        future = client.submit(measure_group, *run, ids, pure=False, retries=0)
        handed[future] = group
        return future

    ahead = PER_WORKER * max(1, len(client.scheduler_info()["workers"]))
    ready = distributed.as_completed([hand_out(waiting.pop()) for _ in range(min(ahead, len(waiting)))])
    for future in ready:
        group = handed.pop(future)
        if future.status == "finished":
            yield [Record.from_line(line) for line in future.result()]
        else:
            error = future.exception()
            if not isinstance(error, distributed.scheduler.KilledWorker) and future.status != "cancelled":
                raise UserError(f"a worker cannot measure: {error}") from error
            name = group[0].id
            lost[name] = lost.get(name, 0) + 1
            if lost[name] >= ATTEMPTS:
                raise UserError(
                    f"{group[0].instance.describe()} lost its worker {ATTEMPTS} times; what is recorded "
                    "is kept"
                ) from error
            begin(f"a worker was lost, again: {group[0].instance.describe()}")
            time.sleep(1)
            waiting.append(group)
        if waiting:
            following = waiting.pop()
            begin(f"handed out: {following[0].instance.describe()}")
            ready.add(hand_out(following))
