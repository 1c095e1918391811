"""The pairing whose gradient is the closed-form hypergradient of an l1 problem, for every A."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import analysis_regularizer


class ActivePoint(NamedTuple):
    """A primal-dual pair with its split of the rows of W.

    Attributes:
        x: the solution.
        u: the dual variable, shape of W x.
        active: rows with |u_i| < weight_i, where w_i x = 0.
    """

    x: Float[Array, "..."]
    u: Float[Array, "..."]
    active: Bool[Array, "..."]


def pair(
    lower: LowerLevel, point: ActivePoint, v: Float[Array, "..."], mu: Float[Array, "..."]
) -> LowerLevel:
    """Return the cotangent of every leaf of `lower`, given the adjoint variables v and mu.

    It is minus the gradient of  <v, A^T(A x* - y)> + <u, W v> + <mu, W x*>  with x*, v, mu and the active u
    held fixed, and u = weight * sign on the inactive rows, where it moves with the weight.
    """
    zero = jnp.zeros_like(point.u)
    signs = jnp.where(point.active, zero, jnp.sign(point.u))
    held = jnp.where(point.active, point.u, zero)

    def pairing(lower: LowerLevel) -> Array:
        regularizer = analysis_regularizer(lower)
        W = regularizer.W
        u = regularizer.weight_like(held) * signs + held
        return -(jnp.vdot(v, lower.data_gradient(point.x)) + jnp.vdot(u, W(v)) + jnp.vdot(mu, W(point.x)))

    return jax.grad(pairing)(lower)
