"""Where iterations start."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel


def first_iterate(lower: LowerLevel) -> Float[Array, "..."]:
    """Return A^T y / ||A||^2, which is in the unit of x whatever those of A and y; for ||A|| = 1 it is A^T y.

    A fixed number of steps so leaves the same error in every unit. The norm is a constant to differentiation:
    where a solver starts does not change where it ends.
    """
    back = lower.A.adjoint(lower.y)
    squared = jax.lax.stop_gradient(jnp.asarray(lower.A.squared_norm(lower.shape), back.dtype))
    return back / jnp.where(squared > 0, squared, jnp.ones_like(squared))
