"""A Newton direction that is solved for no further than it helps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ..linear.linear_solver import Matvec

_FLAT = 1e-6
"""A direction along which the Hessian is at most so many times its own norm, of about one, counts as flat."""


class _Descent(NamedTuple):
    """Conjugate gradients on their way: the direction so far, what is left, and where they go next."""

    direction: Float[Array, "..."]
    left: Float[Array, "..."]
    along: Float[Array, "..."]
    squared: Float[Array, ""]
    curved: Bool[Array, ""]
    steps: Int[Array, ""]


def truncated_newton_direction(
    hessian: Matvec, gradient: Float[Array, "*shape"], forcing: Float[Array, ""], most: int
) -> Float[Array, "*shape"]:
    """Solve H d = -g to ||H d + g|| <= forcing ||g|| by conjugate gradients, as far as H is positive.

    Where a product shows no curvature upwards, what was found before is the direction, and -g if nothing was,
    as it is for a forcing of one: along every one of them the energy falls.
    Source: Dembo and Steihaug, 1983, minor iteration.

    Args:
        hessian: H, scaled to a norm of about one.
        gradient: g.
        forcing: relative residual at which to stop.
        most: products at most.
    """
    squared = jnp.sum(jnp.square(gradient))
    enough = jnp.square(forcing) * squared

    def running(now: _Descent) -> Bool[Array, ""]:
        # NaN compares false.
        return now.curved & (now.squared > enough) & (now.steps < most)

    def advance(now: _Descent) -> _Descent:
        product = hessian(now.along)
        curvature = jnp.sum(now.along * product)
        curved = curvature > _FLAT * jnp.sum(jnp.square(now.along))
        length = jnp.where(curved, now.squared / jnp.where(curved, curvature, 1), 0)
        left = now.left - length * product
        squared = jnp.sum(jnp.square(left))
        along = left + squared / now.squared * now.along
        return _Descent(now.direction + length * now.along, left, along, squared, curved, now.steps + 1)

    nothing, always = jnp.zeros_like(gradient), jnp.ones((), bool)
    begun = _Descent(nothing, -gradient, -gradient, squared, always, jnp.zeros((), jnp.int32))
    found = jax.lax.while_loop(running, advance, differing_as(begun, begun)).direction
    return jnp.where(jnp.any(found != 0), found, -gradient)
