"""Parameters of a flax module, drawn."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from .network import Parameters


def draw_parameters(module: nn.Module, shape: tuple[int, ...], seed: int) -> Parameters:
    """Draw a module's parameters, float64, for images of this shape (n, h, w, channels)."""
    drawn = _draw(module, shape, jax.random.key(seed))
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), drawn)


# A module is a value, so that one that equals another is not compiled again.
@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(module: nn.Module, shape: tuple[int, ...], key: Array) -> Parameters:
    return dict(module.init(key, jnp.zeros(shape, jnp.float32))["params"])
