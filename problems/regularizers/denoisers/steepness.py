"""Estimates of nonlinear maps' Lipschitz constants."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...arrays.mesh_axes import differing_as, types_tell_devices_apart

STEPS = 12
MARGIN = 2.5
"""By how much an estimate exceeds the slope that was found."""

Map = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]


def curvature(gradient: Map, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, ""]:
    """Estimate the Lipschitz constant of a gradient: `MARGIN` times the norm of the Hessian at one image.

    The norm is that of H v after `STEPS` power iterations v <- H v / ||H v|| at a fixed random image with
    values in [0, 1]; H is applied, never built. An estimate and no bound: where the curvature is more than
    the margin above that image's, a step size made of the estimate is too large, and a solver may diverge.
    """
    x, v = _start(gradient, shape, dtype)
    return MARGIN * _largest(lambda v: jax.jvp(gradient, (x,), (v,))[1], v)


def steepness(function: Map, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, ""]:
    """Estimate the Lipschitz constant of a map as `curvature` does, whose Jacobian J need not be symmetric.

    The power iterations are those of J^T J, and the root of what they find is the norm of J.
    """
    x, v = _start(function, shape, dtype)

    def squared(v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        _, pull_back = jax.vjp(function, x)
        return pull_back(jax.jvp(function, (x,), (v,))[1])[0]

    return MARGIN * jnp.sqrt(_largest(squared, v))


def _start(function: Map, shape: tuple[int, ...], dtype: jnp.dtype) -> tuple[Array, Array]:
    generator = np.random.default_rng(7)
    image, direction = (
        jnp.asarray(entries, dtype)
        for entries in (generator.uniform(size=shape), generator.normal(size=shape))
    )
    if types_tell_devices_apart():
        image, direction = differing_as((image, direction), function(image))
    return image, direction


def _largest(product: Map, v: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Return the largest absolute eigenvalue of a symmetric matrix by power iterations, from its products."""

    def improve(_: Int[Array, ""] | int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        v, norm = state
        image = product(v / jnp.maximum(norm, jnp.finfo(v.dtype).tiny))
        return image, jnp.linalg.norm(image.ravel())

    return jax.lax.fori_loop(0, STEPS, improve, (v, jnp.linalg.norm(v.ravel())))[1]
