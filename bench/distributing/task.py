"""What a worker is asked: to measure a group of a run's cases, or a case of a reproduction."""

import contextlib
import importlib
import json
import os
import platform
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..catalogue.catalogue import built_in
from ..catalogue.plugin import with_plugins
from ..grid.case import Case
from ..grid.expand import expand
from ..grid.request import request_of
from ..isolation.child import Setup, cases_named
from ..isolation.isolated import IsolatedBench
from ..isolation.limits import IsolationLimits
from ..isolation.reproduced_apart import reproduced_apart
from ..isolation.reproduction_child import ReproductionSetup
from ..machine.device import use_device
from ..machine.environment import environment
from ..measure.workbench import Context, Workbench
from ..records.reproduced_case import reproduced_now
from ..reproductions.reproduction import EndsProcesses, NamedCase, Reproduction

_ONE_AT_A_TIME = threading.Lock()
"""A worker may have several threads; what is timed has none beside it."""


class _Run(NamedTuple):
    bench: IsolatedBench
    cases: dict[str, Case]


_RUNS: dict[tuple[str, ...], _Run] = {}
"""The one run that this process works for."""


def measure_group(setup: str, limits: str, shares: list[list[int]], ids: list[str]) -> list[str]:
    """Return the lines of the records of cases that share an instance.

    Args:
        setup: a `Setup`.
        limits: `IsolationLimits`.
        shares: which processors each worker of this machine has, by its name; empty for all.
        ids: of the cases.

    Raises:
        UserError: if this machine cannot make the cases.
    """
    with _ONE_AT_A_TIME:
        run = _run(setup, limits, json.dumps(shares))
        group = cases_named(ids, run.cases)
        return [record.to_line() for record in run.bench.measure(group, _unheard)]


def measure_case(
    entry: Reproduction[Any], case: NamedCase, setup: ReproductionSetup, shares: list[list[int]]
) -> str:
    """Return the line of a reproduction's case with its rows.

    It is measured in this process, or in one of its own if it may end that.

    Args:
        entry: the reproduction.
        case: one of its cases.
        setup: what a process has to know of it.
        shares: which processors each worker of this machine has, by its name; empty for all.

    Raises:
        UserError: for a device that cannot be reached, or a row without a status of the closed list.
    """
    apart = isinstance(entry, EndsProcesses)
    with alone(setup.device, shares, spare=apart) as worker:
        if apart:
            (measured,) = reproduced_apart(entry, [case], setup, IsolationLimits(), _unheard)
        else:
            measured = reproduced_now(case.name, entry.measure(case, setup.quick))
        where = {"worker": worker, "machine": platform.node()}
        return measured.model_copy(update={"where": where}).to_line()


@contextlib.contextmanager
def alone(device: str, shares: list[list[int]], spare: bool = False) -> Iterator[str]:
    """Let nothing else be measured in this worker, on its own processors, and hand out its name.

    Args:
        device: what is computed on.
        shares: which processors each worker of this machine has, by its name; empty for all.
        spare: leave a GPU's memory to another process.

    Raises:
        UserError: for a device that cannot be reached.
    """
    with _ONE_AT_A_TIME:
        worker = _own_name()
        if own := _own_processors(worker, shares):
            os.sched_setaffinity(0, own)
        use_device(device, spare)
        yield worker


def forget() -> None:
    """End the process that measures, if there is one: the run is over."""
    with _ONE_AT_A_TIME:
        for run in _RUNS.values():
            run.bench.close()
        _RUNS.clear()


def _run(*texts: str) -> _Run:
    """Return the run of these texts: that of the task before, or a new one in its place."""
    if texts not in _RUNS:
        for run in _RUNS.values():
            run.bench.close()
        _RUNS.clear()
        _RUNS[texts] = _begun(*texts)
    return _RUNS[texts]


def _begun(setup: str, limits: str, shares: str) -> _Run:
    asked, worker = Setup.model_validate_json(setup), _own_name()
    own = _own_processors(worker, json.loads(shares))
    where = {**asked.where, "worker": worker, "machine": platform.node()}
    asked = asked.model_copy(update={"where": where, "processors": own})
    use_device(asked.device, spare=True)
    request = request_of(asked.selection, with_plugins(built_in(), list(asked.selection.plugins)))
    cases = {case.id: case for group in expand(request).groups for case in group}
    context = Context(
        asked.timing.compiled(request.suite),
        asked.timing.clock,
        {**environment(), **asked.where},
        asked.command,
    )
    bench = IsolatedBench(Workbench(context), asked, IsolationLimits.model_validate_json(limits))
    return _Run(bench, cases)


def _own_processors(worker: str, shares: Sequence[list[int]]) -> list[int]:
    return dict(enumerate(shares)).get(int(worker) if worker.isdecimal() else -1, [])


def _own_name() -> str:
    """Return the name that Dask gave this worker, or that of the process outside of one."""
    try:
        return str(importlib.import_module("distributed").get_worker().name)
    except (ImportError, ValueError):
        return f"process {os.getpid()}"


def _unheard(label: str) -> None:
    del label
