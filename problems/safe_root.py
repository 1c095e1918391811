"""The square root of sums of squares, which differentiation meets at zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def safe_root(squares: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the square root, whose derivative at zero is taken as zero."""
    safe = jnp.where(squares > 0, squares, jnp.ones_like(squares))
    return jnp.where(squares > 0, jnp.sqrt(safe), jnp.zeros_like(squares))
