"""The pairing whose gradient is the closed-form hypergradient of an l1 problem, for every A."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import analysis_regularizer
from ..solvers.certificate import shifted_dual


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
    lower: LowerLevel,
    point: ActivePoint,
    v: Float[Array, "..."],
    mu: Float[Array, "..."],
    of_dual: Float[Array, "..."] | None = None,
) -> LowerLevel:
    """Return the cotangent of every leaf of `lower`, given the adjoint variables v and mu.

    It is minus the gradient of  <v, A^T(A x* - y)> + <u, W v> + <mu, W x*>  with x*, v, mu and the active u
    held fixed, and u = weight * sign on the inactive rows, where it moves with the weight. The sign is that
    of u + c W x*, which a row whose weight is zero has as well. A loss of the dual variable with the
    cotangent h adds  <h, u>  of the inactive rows.

    Args:
        lower: l1 problem, any A.
        point: the pair and its active rows.
        v: of the shape of x.
        mu: of the shape of W x.
        of_dual: h, shape of W x, if the loss sees the dual variable.
    """
    held, signs = held_dual(lower, point)
    zero = jnp.zeros_like(point.u)
    outside = zero if of_dual is None else jnp.where(point.active, zero, of_dual)

    def pairing(lower: LowerLevel) -> Array:
        regularizer = analysis_regularizer(lower)
        W = regularizer.W
        u = regularizer.weight_like(held) * signs + held
        balance = jnp.vdot(v, lower.data_gradient(point.x)) + jnp.vdot(u, W(v)) + jnp.vdot(mu, W(point.x))
        return jnp.vdot(outside, u) - balance

    return jax.grad(pairing)(lower)


def held_dual(lower: LowerLevel, point: ActivePoint) -> tuple[Float[Array, "*range"], Float[Array, "*range"]]:
    """Return the dual variable of the active rows and the signs of the others: u = weight * signs + held."""
    zero = jnp.zeros_like(point.u)
    signs = jnp.where(point.active, zero, jnp.sign(shifted_dual(lower, point.x, point.u)))
    return jnp.where(point.active, point.u, zero), jax.lax.stop_gradient(signs)
