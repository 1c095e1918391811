"""What may be divided by, whatever an array holds."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def divisor(value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return what is positive as it is, and one in the place of the rest: a share of nothing is nothing."""
    return jnp.where(value > 0, value, jnp.ones_like(value))
