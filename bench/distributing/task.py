"""What a worker is asked: to measure a group of a run's cases, in a process of its own."""

import importlib
import json
import os
import platform
import threading
from typing import NamedTuple

from ..catalogue.catalogue import built_in
from ..catalogue.plugin import with_plugins
from ..grid.case import Case
from ..grid.expand import expand
from ..grid.request import request_of
from ..isolation.child import Setup, cases_named
from ..isolation.isolated import IsolatedBench
from ..isolation.limits import IsolationLimits
from ..machine.device import use_device
from ..machine.environment import environment
from ..measure.workbench import Context, Workbench

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
    own = dict(enumerate(json.loads(shares))).get(int(worker) if worker.isdecimal() else -1, [])
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


def _own_name() -> str:
    """Return the name that Dask gave this worker, or that of the process outside of one."""
    try:
        return str(importlib.import_module("distributed").get_worker().name)
    except (ImportError, ValueError):
        return f"process {os.getpid()}"


def _unheard(label: str) -> None:
    del label
