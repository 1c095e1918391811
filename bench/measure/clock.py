"""The one clock: rounds that interleave what is compared, and a wait for every result."""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from ..failure import failure_of
from ..grid.clock_settings import ClockSettings
from ..records.status import Status
from .program import OutOfMemory, out_of_memory_named
from .samples import Samples

Call = Callable[[], PyTree]


class TimedCall(NamedTuple):
    """What a call returned, ready, and how many seconds that took."""

    result: Any
    seconds: float


def time_rounds(entries: Mapping[str, Call], settings: ClockSettings) -> dict[str, Samples]:
    """Time every entry, in rounds of one sample each, and return seconds per call by name.

    The order changes from round to round so that each entry comes after each other one equally often
    (Williams 1949, a design balanced for carry-over). A sample ends when every array in the entry's result
    is ready. Calls under a millisecond are repeated within a sample, by a count fixed at warm-up, so that
    the clock's resolution and its own overhead of some microseconds do not matter. An entry that raises or
    runs out of memory is left out, with its status and message; the others are timed. The garbage collector
    is off meanwhile. Caveat: results of other libraries must be ready when the entry returns, as JAX can
    wait for its own arrays only.
    """
    with _no_garbage_collection():
        warm = {name: _warm_up(name, call, settings) for name, call in entries.items()}
        counts = {name: samples.inner for name, samples in warm.items() if samples.status is Status.OK}
        return warm | _rounds({name: entries[name] for name in counts}, counts, settings)


def time_once(call: Call) -> TimedCall:
    """Time a single call, and keep its result.

    For a call of seconds or minutes whose result is wanted as well, or that is made once by its nature.
    Raises whatever the call raises. Caveat: one call says nothing of its spread; what is compared is timed by
    `time_rounds`.
    """
    with _no_garbage_collection():
        start = time.perf_counter_ns()
        result = jax.block_until_ready(call())
        return TimedCall(result, (time.perf_counter_ns() - start) * 1e-9)


def _warm_up(name: str, call: Call, settings: ClockSettings) -> Samples:
    """Call an entry until it is warm and choose its count; one call that is too slow is all it gets."""
    try:
        first = last = _sample(name, call, 1)
        if first > settings.limit_seconds:
            reason = f"the first call took {first:.3g} s; the limit is {settings.limit_seconds:.3g} s"
            return Samples((first,), status=Status.TIMED_OUT, reason=reason)
        for _ in range(settings.warmup - 1):
            last = _sample(name, call, 1)
    except BaseException as error:  # an entry may be anybody's code
        return _failed(error)
    return Samples((), inner=max(1, math.ceil(settings.sample_seconds / max(last, 1e-9))))


def _rounds(entries: dict[str, Call], counts: dict[str, int], settings: ClockSettings) -> dict[str, Samples]:
    """Time the entries round by round until a limit is reached."""
    seconds: dict[str, list[float]] = {name: [] for name in entries}
    dropped: dict[str, Samples] = {}
    share = settings.seconds / max(1, len(entries))
    for done in range(settings.rounds_max):
        going = [
            name
            for name in entries
            if name not in dropped
            and (done < settings.rounds_min or sum(seconds[name]) * counts[name] < share)
        ]
        for name in balanced_order(going, done):
            try:
                seconds[name].append(_sample(name, entries[name], counts[name]))
            except BaseException as error:
                dropped[name] = _failed(error)
    timed = {name: Samples(tuple(values), inner=counts[name]) for name, values in seconds.items()}
    return timed | dropped


def _sample(name: str, call: Call, count: int) -> float:
    """Return the mean seconds of `count` calls, each of which ends when its result is ready."""
    with out_of_memory_named(name):
        start = time.perf_counter_ns()
        for _ in range(count):
            jax.block_until_ready(call())
        return (time.perf_counter_ns() - start) * 1e-9 / count


def _failed(error: BaseException) -> Samples:
    """Say what an entry died of."""
    status = Status.OUT_OF_MEMORY if isinstance(error, OutOfMemory) else Status.FAILED
    return Samples((), status=status, reason=failure_of(error))


def balanced_order(names: Sequence[str], done: int) -> list[str]:
    """Return the order for a round such that over 2n rounds each of n names follows each other equally often.

    The first row is 0, 1, n-1, 2, n-2, ...; every later one adds 1 to it, and for an odd n each second
    one is read backwards.
    """
    count = len(names)
    row = [(step + 1) // 2 if step % 2 else (count - step // 2) % count for step in range(count)]
    shift = done // 2 if count % 2 else done
    order = [names[(index + shift) % count] for index in row]
    return order[::-1] if count % 2 and done % 2 else order


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect now and not again until the end, if the collector is on at all."""
    enabled = gc.isenabled()
    # Only what is young: with JAX loaded, going through all objects takes a tenth of a second.
    gc.collect(1)
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
