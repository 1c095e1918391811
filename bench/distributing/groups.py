"""Hand groups to workers, and take their records as they come."""

import contextlib
import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import UserError
from ..grid.case import Case
from ..isolation.child import Setup
from ..isolation.limits import IsolationLimits
from ..records.record import Record
from .task import forget, measure_group

ATTEMPTS = 20
"""How often a group is handed out whose worker is lost, where the scheduler gives up on it."""
LOOK_EVERY = 2.0
"""Seconds between two looks at who is there."""
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
    waiting, lost = list(reversed(groups)), Counter[str]()
    handed: dict[Any, Sequence[Case]] = {}
    try:
        while waiting or handed:
            there = _workers(client)
            if not there:
                begin("no worker is there yet, or none any more: waiting")
            while waiting and len(handed) < PER_WORKER * max(1, there):
                group = waiting.pop()
                begin(f"handed out: {group[0].instance.describe()}")
                ids = [case.id for case in group]
                handed[client.submit(measure_group, *run, ids, pure=False, retries=0)] = group
            with contextlib.suppress(TimeoutError):
                distributed.wait(list(handed), timeout=LOOK_EVERY, return_when="FIRST_COMPLETED")
            for future in [one for one in handed if one.done()]:
                group = handed.pop(future)
                if future.status == "finished":
                    yield [Record.from_line(line) for line in future.result()]
                    continue
                _refuse_but_lost(client, future, distributed.scheduler.KilledWorker)
                lost[group[0].id] += 1
                if lost[group[0].id] >= ATTEMPTS:
                    name = group[0].instance.describe()
                    raise UserError(f"{name} lost its worker {ATTEMPTS} times; what is recorded is kept")
                begin(f"a worker was lost, again: {group[0].instance.describe()}")
                waiting.append(group)
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.run(forget, on_error="ignore")


def _workers(client: Any) -> int:
    """Return how many workers there are; raise `UserError` if the scheduler does not answer."""
    if client.status != "running":
        raise _gone()
    try:
        return len(client.nthreads())
    except (OSError, TimeoutError) as error:
        raise _gone() from error


def _refuse_but_lost(client: Any, future: Any, killed_worker: type[Exception]) -> None:
    """Raise `UserError` for a task that failed, unless its worker died."""
    if client.status != "running":
        raise _gone()
    error = None if future.status == "cancelled" else future.exception()
    if error is not None and not isinstance(error, killed_worker):
        raise UserError(f"a worker cannot measure: {error}") from error


def _gone() -> UserError:
    return UserError("the scheduler is gone; what is recorded is kept, and --resume goes on")
