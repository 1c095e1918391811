"""The Euclidean norm of an array of any shape."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def euclidean_norm(x: Float[Array, "..."]) -> Float[Array, ""]:
    """Return ||x||, in whatever unit x is, with the derivative 0 at zero.

    The squares of 1e-23 are zero in float32, and a solve in such a unit would pass for solved.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), initial=0))
    unit = jnp.where((largest > 0) & jnp.isfinite(largest), largest, jnp.ones_like(largest))
    squares = jnp.sum(jnp.square(x / unit))
    # The root's own derivative at zero is infinite, and times a cotangent of zero no number.
    root = jnp.sqrt(jnp.where(squares == 0, jnp.ones_like(squares), squares))
    return unit * jnp.where(squares == 0, jnp.zeros_like(root), root)
