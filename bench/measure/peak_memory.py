"""The memory that a call takes at its peak, measured on the process instead of read off its program."""

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax

from ..machine.memory import forget_peak, has_one_arena, peak_resident_bytes, resident_bytes

SETTLED = 2**17
"""Bytes that memory may differ by between two looks, once nothing is being given back any more."""
BETWEEN_LOOKS, LOOKS = 0.02, 50
"""Seconds, and how many looks at most."""


def measured_peak(call: Callable[[], Any]) -> int | None:
    """Run a call until its result is there, and return the bytes that memory grew by at its peak.

    On a CPU it is resident memory of the process, which must do nothing beside and have been started with
    `ONE_ARENA`; what its allocator keeps for later is given back first. On another device it is that
    allocator's own peak. Arguments that lie in memory already are not counted. The call should have run
    before: what only a first one makes would count.

    Returns:
        None where the system does not tell, where the process may keep free memory for later, or where the
        device held more at an earlier time.
    """
    if jax.default_backend() != "cpu":
        return _peak_of_allocator(call)
    gc.collect()
    before = _settled() if has_one_arena() and forget_peak() else None
    if before is None or not forget_peak():
        return None
    jax.block_until_ready(call())
    peak = peak_resident_bytes()
    return None if peak is None else max(0, peak - before)


def _settled() -> int | None:
    """Give back what is free until memory stays as it is: XLA frees on its own threads, after the result."""
    before = None
    for _ in range(LOOKS):
        with suppress(AttributeError, OSError):  # glibc's alone
            ctypes.CDLL(None).malloc_trim(0)
        now = resident_bytes()
        if now is None or (before is not None and abs(now - before) <= SETTLED):
            return now
        before = now
        time.sleep(BETWEEN_LOOKS)
    return before


def _peak_of_allocator(call: Callable[[], Any]) -> int | None:
    device = jax.devices()[0]
    before = device.memory_stats() or {}
    jax.block_until_ready(call())
    after = device.memory_stats() or {}
    held, old, new = (
        before.get("bytes_in_use"),
        before.get("peak_bytes_in_use"),
        after.get("peak_bytes_in_use"),
    )
    if held is None or old is None or new is None or new <= old:
        return None
    return int(new - held)
