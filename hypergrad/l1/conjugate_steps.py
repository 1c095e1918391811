"""A few conjugate-gradient steps towards a projection on the null space of a matrix's active rows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from .vector_products import vectors_times

MOST_STEPS = 8
"""So many steps cost less than the factorisation that comes after them where they are not enough."""
ROUNDINGS = 30
"""What is left of the conditions counts as rounding up to so many times the precision."""


class Projection(NamedTuple):
    """The points so far of many systems  v + W0^T mu = g,  W0 v = h, each with its own active rows W0.

    Attributes:
        v: the points.
        mu: their multipliers, zero on the other rows.
        left: W0 v - h, computed afresh.
        direction: of the next step, in the rows, in a unit of each system's own.
        stiffness: the largest ||W0^T p||^2 / ||p||^2 of a direction p so far, at most ||W0||^2.
        steps: made, as many for each.
    """

    v: Float[Array, "*systems n"]
    mu: Float[Array, "*systems k"]
    left: Float[Array, "*systems k"]
    direction: Float[Array, "*systems k"]
    stiffness: Float[Array, "*systems 1"]
    steps: Int[Array, ""]


def conjugate_steps(
    matrix: Float[Array, "k n"],
    active: Bool[Array, "*systems k"],
    g: Float[Array, "*systems n"],
    below: Float[Array, "*systems k"],
) -> tuple[Projection, Bool[Array, "*systems"]]:
    """Make conjugate-gradient steps on  W0 W0^T mu = W0 g - h  until all systems are solved, or eight.

    The points v = g - W0^T mu go along, so that a step costs two products and what is left does not drift.
    Where the Gram matrix's eigenvalues form few clusters that is enough; the second result tells which
    systems are solved up to rounding. Source: Craig, 1955 (the N-step iteration procedures).

    Args:
        matrix: W.
        active: its active rows.
        g: of a size near one.
        below: h, read on the active rows.
    """

    def unexplained(v: Array) -> Array:
        product = vectors_times(v, matrix.T) - below
        return jnp.where(active, product, jnp.zeros_like(product))

    first = unexplained(g)
    # Squares of what a small W makes of g underflow otherwise.
    unit = jnp.max(jnp.abs(first), axis=-1, keepdims=True, initial=0)
    unit = jnp.where(unit > 0, unit, jnp.ones_like(unit))

    def is_solved(now: Projection) -> Array:
        precision = ROUNDINGS * jnp.finfo(g.dtype).eps
        slope = jnp.sqrt(now.stiffness)
        terms = 1 + _squares(slope * now.mu)
        return _squares(now.left / unit) <= jnp.square(precision * slope / unit) * terms

    def advance(now: Projection) -> Projection:
        image = vectors_times(now.direction, matrix)
        before, curvature = _squares(now.left / unit), _squares(image)
        length = unit * _ratio(before, curvature)
        v, mu = now.v - length * image, now.mu + length * now.direction
        left = unexplained(v)
        direction = left / unit + _ratio(_squares(left / unit), before) * now.direction
        stiffness = jnp.maximum(now.stiffness, _ratio(curvature, _squares(now.direction)))
        return Projection(v, mu, left, direction, stiffness, now.steps + 1)

    none = jnp.zeros_like(first)
    start = Projection(g, none, first, first / unit, none[..., :1], jnp.zeros((), jnp.int32))
    found = jax.lax.while_loop(
        lambda now: jnp.any(~is_solved(now)) & (now.steps < MOST_STEPS), advance, differing_as(start, start)
    )
    return found, is_solved(found)[..., 0]


def _squares(x: Float[Array, "*systems size"]) -> Float[Array, "*systems 1"]:
    return jnp.sum(jnp.square(x), axis=-1, keepdims=True)


def _ratio(above: Float[Array, "..."], below: Float[Array, "..."]) -> Float[Array, "..."]:
    return above / jnp.where(below > 0, below, jnp.ones_like(below))
