"""Arrays of random entries, the same at every call."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def normal(shape: tuple[int, ...], seed: int, dtype: str = "float64") -> Float[Array, "*shape"]:
    """Draw standard normal entries."""
    return jnp.asarray(np.random.default_rng([seed, 6]).normal(size=shape), dtype)
