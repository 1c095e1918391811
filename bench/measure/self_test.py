"""The clock's own test: work that is still going on when a call returns must be charged to the call."""

import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ..grid.clock_settings import ClockSettings
from .clock import time_rounds

_WORK_SECONDS = 0.3


def self_test() -> None:
    """Time a program that returns before its work of about 0.3 s is done; raise if the clock is fooled.

    Raises `RuntimeError` if the clock charges less than half of what an explicitly synchronised call takes.
    It takes about two seconds. Caveat: it says nothing about a device that computes before it returns, where
    no clock can be fooled.
    """
    work = asynchronous_work()
    true_seconds = min(_synchronised_seconds(work) for _ in range(2))
    settings = ClockSettings(rounds_min=2, rounds_max=2, sample_seconds=0.0)
    samples = time_rounds({"asynchronous": work}, settings)["asynchronous"]
    charged = samples.median
    if charged is None or charged < true_seconds / 2:
        raise RuntimeError(
            f"the clock charged {charged} s for work of {true_seconds:.3g} s {samples.reason}: "
            "it stops before results are ready, and no time it reports can be trusted"
        )


def asynchronous_work() -> Callable[[], jax.Array]:
    """Return a call that starts about 0.3 s of work and returns at once.

    Matrix products, as JAX runs the smallest programs inside the call. The number of steps is an argument,
    so that it is fitted to the machine without another compilation.
    """
    matrix = jnp.eye(192, dtype=jnp.float32)
    program = jax.jit(_products).lower(matrix, jnp.int32(1)).compile()
    work = functools.partial(program, matrix, jnp.int32(100))
    while (seconds := _synchronised_seconds(work)) < _WORK_SECONDS:
        growth = max(1.5, 1.2 * _WORK_SECONDS / max(seconds, 1e-4))
        work = functools.partial(program, matrix, jnp.int32(growth * int(work.args[1])))
    return work


def _products(matrix: jax.Array, steps: jax.Array) -> jax.Array:
    """Multiply a matrix by itself again and again, kept bounded."""
    return jax.lax.fori_loop(0, steps, lambda _, state: jnp.tanh(state @ matrix), matrix)


def _synchronised_seconds(call: Callable[[], jax.Array]) -> float:
    """Return the seconds of one call, waited for here and not by the clock."""
    start = time.perf_counter()
    call().block_until_ready()
    return time.perf_counter() - start
