"""The primal-dual iteration of a norm of analysis responses, with its adjoint pair."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import PrimalDualPair, SquaredNorms, penalty_of, squared_norms
from ...solvers.certificate import active_rows
from ...solvers.dual_norm import inside_bounds, weights_of
from ..l1.analysis_pairing import ActivePoint
from ..l1.group_curvature import group_curvature, normal_product
from .joint_iteration import JointForm

LAGGING = 0.5
"""The dual part lags where its residual is so much larger than the primal part's, each by its step size."""
PATIENCE = 4
"""Steps over which residuals are compared, over the dual scale: slow modes turn round in about as many."""


class Balance(NamedTuple):
    """The balance of the step sizes, and the residuals seen with it.

    Attributes:
        dual_scale: sigma ||W||^2 / ||A||^2.
        steps: since the comparison began.
        above: sum of the primal part's residuals at all looks since.
        below: of the dual part's.
    """

    dual_scale: Float[Array, ""]
    steps: Float[Array, ""]
    above: Float[Array, ""]
    below: Float[Array, ""]


class SaddleState(NamedTuple):
    """A pair (x, u), its adjoint pair (v, mu) of the same shapes, and the balance of their step sizes."""

    pair: PrimalDualPair
    adjoint: PrimalDualPair
    balance: Balance


def saddle_form(lower: LowerLevel, unit: PrimalDualPair) -> JointForm:
    """Return the Condat-Vu iteration of  min_x max_u <W x, u> + 1/2 ||A x - y||^2 - f*(u)  and its adjoint.

        x+ = x - tau (A^T (A x - y) + W^T u),     u+ = P(u + sigma W (2 x+ - x)),
        v+ = v - tau (A^T A v + W^T mu - g),      mu+ = P' (mu + sigma (W (2 v+ - v) - h)),

    P the projection on the bounds of u and P' its derivative at the point that P is taken at. Rows of weight
    zero have no mu. The fixed point is the optimality system on the active set,  A^T A v + W0^T mu = g,
    W0 v = h,  with the curvature of groups that are not zero.

    Args:
        lower: l1 problem, or one of a norm of groups, any A.
        unit: g and h, of norm one by `source_norm`.
    """
    regularizer, norms = penalty_of(lower), squared_norms(lower, unit.x.shape)
    W = regularizer.W
    data = PrimalDualPair(lower.A.adjoint(lower.y), jnp.zeros_like(unit.u))
    weighted = weights_of(regularizer, unit.u) > 0

    def descend(pair: PrimalDualPair, source: PrimalDualPair, scale: Array) -> PrimalDualPair:
        tau, sigma = 1 / (norms.A * (0.5 + scale)), scale * norms.dual_unit
        x = pair.x - tau * (lower.A.adjoint(lower.A(pair.x)) + W.adjoint(pair.u) - source.x)
        return PrimalDualPair(x, pair.u + sigma * (W(2 * x - pair.x) - source.u))

    def advance(state: SaddleState) -> SaddleState:
        scale = state.balance.dual_scale
        moved, along = descend(state.pair, data, scale), descend(state.adjoint, unit, scale)
        u, mu = jax.jvp(functools.partial(inside_bounds, regularizer), (moved.u,), (along.u,))
        mu = jnp.where(weighted, mu, jnp.zeros_like(mu))
        balance = state.balance._replace(steps=state.balance.steps + 1)
        return SaddleState(moved._replace(u=u), along._replace(u=mu), balance)

    def look(state: SaddleState) -> tuple[SaddleState, Array]:
        above, below = _left(lower, norms, state, unit)
        return state._replace(balance=_balanced(state.balance, above, below)), _norm(above, below)

    return JointForm(advance, look, lambda state: jnp.sqrt(norms.W) * state.adjoint.u)


def saddle_start(
    pair: PrimalDualPair, adjoint: PrimalDualPair, dual_scale: float | Float[Array, ""]
) -> SaddleState:
    """Begin at a pair and an adjoint pair."""
    zero = jnp.zeros((), pair.x.dtype)
    return SaddleState(pair, adjoint, Balance(zero + dual_scale, zero, zero, zero))


def source_norm(norms: SquaredNorms, source: PrimalDualPair) -> Float[Array, ""]:
    """Return the norm of both right-hand sides, the second in the unit of the first."""
    return _norm(euclidean_norm(source.x), _dual_norm(norms, source.u))


def active_point(lower: LowerLevel, pair: PrimalDualPair) -> ActivePoint:
    """Return a pair with its active rows."""
    return ActivePoint(pair.x, pair.u, active_rows(lower, pair.x, pair.u))


def _balanced(balance: Balance, above: Float[Array, ""], below: Float[Array, ""]) -> Balance:
    """Double the dual scale where the dual part lags; it only grows, and the more rarely the larger it is.

    Along a singular value s of the active rows, ||A|| = ||W|| = 1, the residuals settle at
    above = scale^2 s below,  and the iteration is fastest at a scale of about 1 / s. Above that they take
    turns, so that sums over a turn are compared.
    """
    now = balance._replace(above=balance.above + above, below=balance.below + below)
    judged = now.steps >= PATIENCE * now.dual_scale
    lags = now.above < LAGGING * now.dual_scale * now.below
    scale = jnp.where(judged & lags, 2 * now.dual_scale, now.dual_scale)
    anew = Balance(scale, *[jnp.zeros_like(scale)] * 3)
    return jax.tree.map(lambda fresh, old: jnp.where(judged, fresh, old), anew, now)


def _left(
    lower: LowerLevel, norms: SquaredNorms, state: SaddleState, source: PrimalDualPair
) -> tuple[Array, Array]:
    """Return what the adjoint leaves of both right-hand sides on the pair's active set, in g's unit."""
    W, point = penalty_of(lower).W, active_point(lower, state.pair)
    curvature = group_curvature(lower, point.x, point.active)
    zero = jnp.zeros_like(state.adjoint.u)
    mu = jnp.where(point.active, state.adjoint.u, zero)
    above = source.x - normal_product(lower, state.adjoint.x, curvature) - W.adjoint(mu)
    if curvature is not None:
        above = above + W.adjoint(curvature.of_responses(lower, source.u))
    below = jnp.where(point.active, source.u - W(state.adjoint.x), zero)
    return euclidean_norm(above), _dual_norm(norms, below)


def _dual_norm(norms: SquaredNorms, below: Float[Array, "..."]) -> Array:
    return norms.A / jnp.sqrt(norms.W) * euclidean_norm(below)


def _norm(above: Float[Array, ""], below: Float[Array, ""]) -> Array:
    return euclidean_norm(jnp.stack([above, below]))


def as_vector(adjoint: PrimalDualPair) -> Float[Array, " n"]:
    """Return v and mu in one vector, for the next backward pass to start from."""
    return ravel_pytree(tuple(adjoint))[0]


def from_vector(vector: Float[Array, " n"] | None, like: PrimalDualPair) -> PrimalDualPair:
    """Return v and mu from one vector, or zeros without one."""
    if vector is None:
        return jax.tree.map(jnp.zeros_like, like)
    return PrimalDualPair(*ravel_pytree(tuple(like))[1](vector))
