"""The clock's own test: work that is still going on when a call returns must be charged to the call."""

import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..grid.clock_settings import ClockSettings
from ..records.clock_test import ClockTest
from .clock import time_rounds

_WORK_SECONDS = 0.03


def self_test(created: str) -> ClockTest:
    """Time a program that returns before its work of about 0.03 s is done.

    A failure is tried once more, as another process may have slowed the first. It takes a fifth of a second,
    and the first one of a process half a second, most of it compilation.

    Args:
        created: the time that the result bears, ISO 8601.
    """
    first = _tried(created)
    return _tried(created) if first.fault else first


def _tried(created: str) -> ClockTest:
    work = asynchronous_work()
    seconds = [_synchronised_seconds(work) for _ in range(2)]
    returned, true = (min(column) for column in zip(*seconds, strict=True))
    settings = ClockSettings(rounds_min=2, rounds_max=2, warmup=1, sample_seconds=0.0)
    charged = time_rounds({"asynchronous": work}, settings)["asynchronous"].median
    return ClockTest(
        work_seconds=true,
        returned_seconds=returned,
        charged_seconds=charged,
        charged_share=None if charged is None else charged / true,
        created=created,
    )


@functools.cache
def asynchronous_work() -> Callable[[], Float[Array, "n n"]]:
    """Return a call that starts about 0.03 s of work and returns at once.

    Matrix products, as JAX runs the smallest programs inside the call. The number of steps is an argument,
    so that it is fitted to the machine without another compilation.
    """
    matrix = jnp.eye(192, dtype=jnp.float32)
    program = jax.jit(_products).lower(matrix, jnp.int32(1)).compile()
    work = functools.partial(program, matrix, jnp.int32(100))
    while (seconds := _synchronised_seconds(work)[1]) < _WORK_SECONDS:
        growth = max(1.5, 1.2 * _WORK_SECONDS / max(seconds, 1e-4))
        work = functools.partial(program, matrix, jnp.int32(growth * int(work.args[1])))
    return work


def _products(matrix: jax.Array, steps: jax.Array) -> jax.Array:
    """Multiply a matrix by itself again and again, kept bounded."""
    return jax.lax.fori_loop(0, steps, lambda _, state: jnp.tanh(state @ matrix), matrix)


def _synchronised_seconds(call: Callable[[], jax.Array]) -> tuple[float, float]:
    """Return the seconds until one call has returned, and until its result is ready, waited for here."""
    start = time.perf_counter()
    result = call()
    returned = time.perf_counter() - start
    result.block_until_ready()
    return returned, time.perf_counter() - start
