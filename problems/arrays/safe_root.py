"""The square root of sums of squares, which differentiation meets at zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def safe_root(squares: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the square root, whose derivative at zero is taken as zero; of NaN it is NaN."""
    zero = squares == 0
    root = jnp.sqrt(jnp.where(zero, jnp.ones_like(squares), squares))
    return jnp.where(zero, jnp.zeros_like(root), root)
