"""The compiled loop of training: many steps, whose number is an argument."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from .training_step import GOING_ON, Measures

CAPACITY = 10_000
"""Steps at most between two returns to Python."""
_State = TypeVar("_State")
Step = Callable[[Any, Int[Array, ""]], tuple[Any, Measures]]
"""From a state, and how many steps the loop has made, to the next state and what is known of the step."""


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
