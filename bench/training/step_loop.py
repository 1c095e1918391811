"""The compiled loop of training: many steps, whose number is an argument."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .pairs import batch_indices
from .training_step import GOING_ON, Measures

CAPACITY = 10_000
"""Steps at most between two returns to Python."""
_State = TypeVar("_State")
Step = Callable[[Any, Int[Array, ""]], tuple[Any, Measures]]
"""From a state, and how many steps the loop has made, to the next state and what is known of the step."""


def pairs_of_steps(
    seed: int, pairs: int, batch: int, first: int, count: int
) -> Int[np.ndarray, "steps batch"]:
    """Return which pairs the next steps take, see `batch_indices`; zeros in the rows beyond them.

    Args:
        seed: of the shuffles.
        pairs: how many there are.
        batch: how many a step takes; 0 where every step takes all.
        first: the first step's number.
        count: the number of steps, at most `CAPACITY`.
    """
    chosen = np.zeros((CAPACITY, batch), np.int32)
    if batch:
        chosen[:count] = batch_indices(seed, pairs, batch, first, count)
    return chosen


def of_steps_made(measures: Measures, made: int) -> Measures:
    """Return measures without what lies beyond the last step, as NumPy arrays."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:made], measures)


def run_steps(step: Step, state: _State, count: Int[Array, ""]) -> tuple[_State, Measures]:
    """Make up to so many steps; fewer where the state says that training has ended.

    Returns:
        The state, and measures with a leading axis of `CAPACITY` steps, those beyond the last one zeros.
    """
    like = jax.eval_shape(step, state, jnp.zeros((), jnp.int32))[1]
    empty = jax.tree.map(lambda leaf: jnp.zeros((CAPACITY, *leaf.shape), leaf.dtype), like)

    def running(carry: tuple[Any, Any, Any]) -> Array:
        made, state, _ = carry
        return (made < count) & (state.ended == GOING_ON)

    def advance(carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        made, state, measures = carry
        state, new = step(state, made)
        return made + 1, state, jax.tree.map(lambda all, one: all.at[made].set(one), measures, new)

    first = (jnp.zeros((), jnp.int32), state, empty)
    _, state, measures = jax.lax.while_loop(running, advance, first)
    return state, measures
