"""An estimate of a nonlinear map's Lipschitz constant."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

STEPS = 12
MARGIN = 2.0


def steepness(
    function: Callable[[Array], Array], shape: tuple[int, ...], dtype: jnp.dtype
) -> Float[Array, ""]:
    """Estimate the Lipschitz constant of a map of images: `MARGIN` times its largest slope at one image.

    The slope is ||J v|| after `STEPS` power iterations v <- J^T J v / ||J^T J v|| at a fixed random image
    with values in [0, 1]; J is applied, never built. An estimate and no bound: the slope elsewhere can be larger
    than the margin allows for, and a step size made of it too large.
    """
    generator = np.random.default_rng(7)
    x, v = (jnp.asarray(generator.uniform(size=shape), dtype) for _ in range(2))
    _, forward = jax.linearize(function, x)
    backward = jax.linear_transpose(forward, x)

    def improve(_: Array, v: Array) -> Array:
        (v,) = backward(forward(v))
        return v / jnp.maximum(jnp.linalg.norm(v.ravel()), jnp.finfo(dtype).tiny)

    v = jax.lax.fori_loop(0, STEPS, improve, v)
    return MARGIN * jnp.linalg.norm(forward(v).ravel())
