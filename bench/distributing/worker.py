"""What a worker knows of itself: its name, its share of the processors, and that it is at one thing."""

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator, Sequence

ONE_AT_A_TIME = threading.Lock()
"""A worker may have several threads; what is timed has none beside it."""


@contextlib.contextmanager
def alone(device: str, shares: Sequence[Sequence[int]], spare: bool = False) -> Iterator[str]:
    """Let nothing else be measured in this worker, on its own processors, and hand out its name.

    Args:
        device: what is computed on.
        shares: which processors each worker of this machine has, by its name; empty for all.
        spare: leave a GPU's memory to another process.

    Raises:
        UserError: for a device that cannot be reached.
    """
    from ..machine.device import use_device  # imports JAX, which a worker whose child computes has no use of

    with ONE_AT_A_TIME:
        worker = own_name()
        if own := own_processors(worker, shares):
            os.sched_setaffinity(0, own)
        use_device(device, spare)
        yield worker


def unheard(label: str) -> None:
    """Say to nobody what a worker is at."""
    del label


def own_name() -> str:
    """Return the name that Dask gave this worker, or that of the process outside of one."""
    try:
        return str(importlib.import_module("distributed").get_worker().name)
    except (ImportError, ValueError):
        return f"process {os.getpid()}"


def own_processors(worker: str, shares: Sequence[Sequence[int]]) -> list[int]:
    """Return which processors are a worker's own, by its name; empty for all."""
    return list(dict(enumerate(shares)).get(int(worker) if worker.isdecimal() else -1, []))
