"""The pairing whose gradient is the closed-form hypergradient of an analysis regulariser, for every A."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import GroupRegularizer
from ...solvers.analysis_l1_problem import penalty_of
from ...solvers.certificate import shifted_dual


class ActivePoint(NamedTuple):
    """A primal-dual pair with its split of the rows of W.

    Attributes:
        x: the solution.
        u: the dual variable, shape of W x.
        active: rows with |u_i| < weight_i, where w_i x = 0; of a norm of groups, rows of groups that are
            zero.
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
    of u + c W x*, which a row whose weight is zero has as well. A group that is not zero has the direction of
    its responses in the place of a sign, which moves with W. A loss of the dual variable with the
    cotangent h adds  <h, u>  of the inactive rows.

    Args:
        lower: l1 problem, or one of a norm of groups, any A.
        point: the pair and its active rows.
        v: of the shape of x.
        mu: of the shape of W x.
        of_dual: h, shape of W x, if the loss sees the dual variable.
    """
    outside_of, held = split_dual(lower, point)
    zero = jnp.zeros_like(point.u)
    outside = zero if of_dual is None else jnp.where(point.active, zero, of_dual)

    def pairing(lower: LowerLevel) -> Array:
        W = penalty_of(lower).W
        u = outside_of(lower, point.x) + held
        balance = jnp.vdot(v, lower.data_gradient(point.x)) + jnp.vdot(u, W(v)) + jnp.vdot(mu, W(point.x))
        return jnp.vdot(outside, u) - balance

    return jax.grad(pairing)(lower)


def split_dual(
    lower: LowerLevel, point: ActivePoint
) -> tuple[Callable[[LowerLevel, Float[Array, "..."]], Float[Array, "*range"]], Float[Array, "*range"]]:
    """Return the dual variable outside the active rows, a function of lower level and x, and that inside.

    Outside it is weight_i times the sign, which is constant, or weight_g times the direction of (W x)_g. Each
    is zero where the other is not: u is their sum.
    """
    zero = jnp.zeros_like(point.u)
    signs = jnp.where(point.active, zero, jnp.sign(shifted_dual(lower, point.x, point.u)))
    signs = jax.lax.stop_gradient(signs)

    def outside(lower: LowerLevel, x: Float[Array, "..."]) -> Float[Array, "*range"]:
        regularizer = penalty_of(lower)
        if not isinstance(regularizer, GroupRegularizer):
            return regularizer.weight_like(zero) * signs
        responses = jnp.where(point.active, zero, regularizer.W(x))
        norms = regularizer.group_norms(responses)
        scale = regularizer.group_weight_like(zero) / jnp.where(norms > 0, norms, jnp.ones_like(norms))
        return scale * responses

    return outside, jnp.where(point.active, point.u, zero)
