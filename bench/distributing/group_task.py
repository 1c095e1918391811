"""What a worker is asked of a run: to measure a group of its cases.

Its child imports JAX. It does itself only where a case ends the child, and on a GPU.
"""

import functools
import json
import platform

from ..isolation.child import Setup, prepared
from ..isolation.isolated import IsolatedBench
from ..isolation.limits import IsolationLimits
from .worker import ONE_AT_A_TIME, own_name, own_processors, unheard

_RUNS: dict[tuple[str, ...], IsolatedBench] = {}
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
    with ONE_AT_A_TIME:
        bench = _run(setup, limits, json.dumps(shares))
        return [record.to_line() for record in bench.measure(ids, unheard)]


def forget() -> None:
    """End the process that measures, if there is one: the run is over."""
    with ONE_AT_A_TIME:
        _forget()


def _run(*texts: str) -> IsolatedBench:
    """Return the run of these texts: that of the task before, or a new one in its place."""
    if texts not in _RUNS:
        _forget()
        _RUNS[texts] = _begun(*texts)
    return _RUNS[texts]


def _forget() -> None:
    for bench in _RUNS.values():
        bench.close()
    _RUNS.clear()


def _begun(setup: str, limits: str, shares: str) -> IsolatedBench:
    asked, worker = Setup.model_validate_json(setup), own_name()
    where = {**asked.where, "worker": worker, "machine": platform.node()}
    own = own_processors(worker, json.loads(shares))
    asked = asked.model_copy(update={"where": where, "processors": own})
    listed = functools.cache(functools.partial(prepared, asked))
    return IsolatedBench(listed, asked, IsolationLimits.model_validate_json(limits))
