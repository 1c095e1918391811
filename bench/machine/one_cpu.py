"""One processor for the whole process, so that libraries with different threads can be compared."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def one_cpu() -> Iterator[int | None]:
    """Bind every thread of the process to one processor, yield its number, and undo it in the end.

    XLA fixes the number of its threads when it starts, other libraries each have a switch of their own: bound
    to one processor they all have the same. Threads that start meanwhile inherit it. Yields None, and
    changes nothing, where the system has no such call (all but Linux). Caveat: the scheduler cannot move the
    process away from a processor on which something else runs.
    """
    if not hasattr(os, "sched_setaffinity") or not _THREADS.is_dir():
        yield None
        return
    allowed = os.sched_getaffinity(0)
    before = {thread: os.sched_getaffinity(thread) for thread in _threads()}
    cpu = max(allowed)
    _bind({thread: {cpu} for thread in before})
    try:
        yield cpu
    finally:
        _bind({thread: before.get(thread, allowed) for thread in _threads()})


def _threads() -> list[int]:
    return [int(entry.name) for entry in _THREADS.iterdir()]


def _bind(masks: dict[int, set[int]]) -> None:
    for thread, mask in masks.items():
        # A thread may have ended since it was listed.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, mask)
