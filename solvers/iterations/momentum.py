"""Extrapolation with restart, shared by the accelerated solvers."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def extrapolate(
    previous: Float[Array, "*shape"],
    current: Float[Array, "*shape"],
    start: Float[Array, "*shape"],
    t: Float[Array, ""],
) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
    """Return the next extrapolated point and momentum parameter.

    `current` is the (proximal) gradient step taken from `start`, so start - current points along the
    gradient; where it makes an obtuse angle with the last move the momentum is dropped.
    Source: O'Donoghue and Candes, 2015, equation 13 (gradient scheme).
    """
    move = current - previous
    uphill = jnp.sum((start - current) * move) > 0
    t = jnp.where(uphill, jnp.ones_like(t), t)
    t_next = (1 + jnp.sqrt(1 + 4 * jnp.square(t))) / 2
    return current + (t - 1) / t_next * move, t_next
