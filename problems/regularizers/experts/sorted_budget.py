"""The largest weighted sum that a shared budget allows."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def largest_sum(
    gains: Float[Array, " n"], caps: Float[Array, " n"], budget: Float[Array, ""]
) -> Float[Array, ""]:
    """Maximise sum_i gains_i t_i over 0 <= t_i <= caps_i with sum_i t_i <= budget; all are nonnegative.

    The fractional knapsack: spend on the largest gains first. Source: Dantzig, 1957.
    """
    order = jnp.argsort(-gains)
    caps, gains = caps[order], gains[order]
    spent = jnp.cumsum(caps) - caps
    return jnp.sum(gains * jnp.clip(budget - spent, 0, caps))
