"""A Dask cluster: one of this machine, or one that is there."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import UserError

FAILURES = 1000
"""Workers that a group may lose on a cluster of this machine; its cases' own failures kill none."""


AWAY = "60s"
"""How long Dask waits for a worker of this machine to be there again, before it takes it off its list."""


class Workers(NamedTuple):
    """Where groups are measured: by so many workers of this machine, or by those of a scheduler."""

    here: int | None = None
    scheduler: str | None = None


def workers_asked_for(count: int | None, scheduler: str | None, device: str) -> Workers | None:
    """Return the workers that options ask for, None for none.

    Raises:
        UserError: for both, for more workers than processors, or for several on a GPU.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count is not None and count > processors:
        raise UserError(
            f"--workers {count} of {processors} processors would time each other; give at most as many"
        )
    if count is not None and count > 1 and device != "cpu":
        raise UserError(
            f"--workers {count} on one GPU would time each other; give --workers 1, or --scheduler"
        )
    if count is not None and scheduler is not None:
        raise UserError("--workers starts a cluster and --scheduler joins one: give one of them")
    return None if count is None and scheduler is None else Workers(count, scheduler)


@contextlib.contextmanager
def cluster(workers: Workers, seconds: float = 30.0) -> Iterator[Any]:
    """Hand out a client of the cluster, a `distributed.Client`, and end what was started.

    Workers of this machine have one thread and their share of its processors each. A scheduler has so many
    seconds to answer.

    Raises:
        UserError: if Dask is not installed, a worker of this machine does not start, or no scheduler answers.
    """
    dask, distributed = _dask()
    with contextlib.ExitStack() as stack:
        settings = {
            "distributed.scheduler.allowed-failures": FAILURES,
            "distributed.deploy.lost-worker-timeout": AWAY,
        }
        stack.enter_context(dask.config.set(settings))
        address: Any = workers.scheduler
        if workers.here is not None:
            try:
                here = distributed.LocalCluster(
                    n_workers=workers.here,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    memory_limit=None,  # the limit of a case is our own
                )
            except (OSError, RuntimeError) as error:
                cause = error.__cause__ or error
                raise UserError(f"the workers of this machine did not start: {cause}") from error
            address = stack.enter_context(here)
        try:
            client = stack.enter_context(distributed.Client(address, timeout=seconds))
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"no scheduler answers at {workers.scheduler!r}: {error}") from error
        yield client


def replace_lost(client: Any, there: int) -> None:
    """Let Dask start those workers of this machine again that it has given up.

    It gives up one that is not there some time after it was lost, although that may be the moment between two
    starts, and keeps on its list one that ended before it was there once (Dask 2026.8). It looks at neither
    again.

    Args:
        client: a `distributed.Client`; of a cluster that is somebody else's nothing is started.
        there: how many workers are there.
    """
    own = client.cluster
    ours = isinstance(own, _dask()[1].LocalCluster)
    if not ours or there >= len(own.worker_spec):
        return
    for name, worker in list(own.workers.items()):
        if worker.status.name in {"closed", "failed"} and own.workers.get(name) is worker:
            del own.workers[name]
    own.scale(len(own.worker_spec))


def require_cluster(workers: Workers) -> None:
    """Refuse what `cluster` would, before anything is begun; start nothing.

    Raises:
        UserError: if Dask is not installed, or no scheduler answers.
    """
    if workers.scheduler is not None:
        with cluster(workers):
            return
    _dask()


def shares(count: int) -> list[list[int]]:
    """Return which processors each of so many workers has; empty lists where the system does not tell."""
    processors = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not processors:
        return [[] for _ in range(count)]
    each = max(1, len(processors) // count)
    return [[processors[(k * each + i) % len(processors)] for i in range(each)] for k in range(count)]


def _dask() -> tuple[Any, Any]:
    try:
        return importlib.import_module("dask"), importlib.import_module("distributed")
    except ImportError as error:
        raise UserError("Dask is not installed: pip install 'hypergrad-bench[cluster]'") from error
