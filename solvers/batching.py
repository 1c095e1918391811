"""What `vmap` makes of a function whose members need very different numbers of steps."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap


def one_at_a_time(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a batching rule: its members are computed one after the other.

    A `while_loop` under `vmap` runs until its slowest member is done and computes a step for all of them
    until then. One after the other each makes its own steps, and nothing is gained from computing together:
    right where a step is a factorisation. Reverse mode cannot cross it, as it cannot cross the loop.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def rule(size: int, batched: Any, *arguments: Any) -> tuple[Any, Any]:
        def member(index: Any) -> Any:
            chosen = jax.tree.map(
                lambda leaf, is_batched: leaf[index] if is_batched else leaf, arguments, tuple(batched)
            )
            # Through the rule again, for a batch of batches.
            return mapped(*chosen)

        result = jax.lax.map(member, jnp.arange(size))
        return result, jax.tree.map(lambda _: True, result)

    return mapped
