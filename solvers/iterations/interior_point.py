"""A primal-dual interior-point method for l1 problems."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.divisor import divisor
from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..analysis_l1_problem import (
    PrimalDualPair,
    SquaredNorms,
    analysis_regularizer,
    squared_norms,
    supports_analysis_l1,
)
from ..dual_norm import within_bounds
from ..matrices.normal_matrix import Matrix, data_matrix, layout_of
from ..residuals import kkt_residual
from ..solver_traits import SolverTraits
from .central_path import PathPoint, Targets, newton_system
from .first_iterate import first_pair

CORRECTIONS = 2
"""Each costs one more solve with a factor and saves about a tenth of the steps."""
AT_ROUNDING = 1e-9
"""A residual from which on a step must not make it larger."""
LEAST_ROOM = 1e-3
"""Of either part of W x at the start, over the root mean square that responses can have."""
COLD, WARM = 1.0, 0.05
"""How far a start is moved inside its bounds: all the way to u = 0, or a little."""


class InteriorPointState(NamedTuple):
    """The point of the path, by how much the last step moved x, relative, A^T A, and the norms of A and W."""

    point: PathPoint
    change: Float[Array, ""]
    data: Matrix
    norms: SquaredNorms


@configuration
class InteriorPoint:
    """Follow the central path of an l1 problem by Newton steps with a predictor and correctors.

    With W x = above - below, both at least 0, the optimality conditions are

        A^T (A x - y) + W^T u = 0,    (weight - u) above = 0,    (weight + u) below = 0,

    and a target in the place of the last two zeros shrinks towards them. A step factorises A^T A + W^T D W
    once, D diagonal, and solves with it a few times. Some twenty steps reach a relative residual of 1e-12,
    at every size tried, also where a weight far below the noise alone decides what A leaves unseen. A step
    that leaves the numbers, or that rounding leads away, is not made. The dual variable stays inside its
    bounds: active rows show in u + c W x, not in u. Only for float64, and for sizes that can be factorised.
    `ActiveSet` adds a certificate, and needs fewer steps from a pair nearby.
    Source: Mehrotra, 1992 (predictor and corrector); Gondzio, 1996 (further correctors).
    """

    traits = SolverTraits(differentiable_step=False, checks_every_step=True, one_at_a_time=True)

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for l1 problems in float64, of a size that can be factorised, else why not."""
        reason = supports_analysis_l1(lower)
        if reason is not None:
            return reason
        if lower.y.dtype != jnp.float64:
            return f"its matrices need float64; y is {lower.y.dtype}"
        layout = layout_of(lower, lower.shape)
        return None if layout.fits else f"{layout.size} unknowns are too many to factorise"

    def init(self, lower: LowerLevel) -> InteriorPointState:
        """Start at x = A^T y / ||A||^2, u = 0."""
        return self.init_at(lower, first_pair(lower))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> InteriorPointState:
        """Start near a given pair, moved a little inside its bounds; where u = 0, as far as without one."""
        return _begin(lower, start, jnp.where(jnp.any(start.u != 0), WARM, COLD))

    def step(self, lower: LowerLevel, state: InteriorPointState) -> InteriorPointState:
        """Factorise, predict how far the target can shrink, correct, and go nearly to the nearest bound."""
        system = newton_system(lower, state.point, state.data, state.norms)
        affine = system.direction(system.targets(0.0))
        mean, reached = system.mean_product(), system.mean_product(affine)
        target = mean * (reached / divisor(mean)) ** 3
        targets = system.targets(target, affine)

        def correct(now: tuple[PathPoint, Targets], _: None) -> tuple[tuple[PathPoint, Targets], None]:
            return system.corrected(*now, target), None

        (direction, _), _ = jax.lax.scan(correct, (system.direction(targets), targets), length=CORRECTIONS)
        moved = system.moved(direction)
        # Beyond its bounds by rounding alone: the slacks keep it inside.
        weight = analysis_regularizer(lower).weight_like(moved.u)
        moved = moved._replace(u=within_bounds(moved.u, weight))
        before, after = (kkt_residual(lower, one.x, one.u, state.norms) for one in (state.point, moved))
        # At rounding a step can only lead away; on the way the residual need not fall every time.
        better = jnp.isfinite(after) & ((after <= before) | (before > AT_ROUNDING))
        point = jax.tree.map(lambda new, old: jnp.where(better, new, old), moved, state.point)
        change = euclidean_norm(point.x - state.point.x) / divisor(euclidean_norm(point.x))
        return state._replace(point=point, change=change)

    def iterate(self, lower: LowerLevel, state: InteriorPointState) -> Float[Array, "..."]:
        """Return the primal iterate."""
        del lower
        return state.point.x

    def dual(self, lower: LowerLevel, state: InteriorPointState) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x."""
        del lower
        return state.point.u

    def residual(self, lower: LowerLevel, state: InteriorPointState) -> Float[Array, ""]:
        """Return the relative KKT residual, duality gap included, or the last step's change of x if larger.

        Near the end each step gains digits: what is left is smaller than the change by far.
        """
        return jnp.maximum(kkt_residual(lower, state.point.x, state.point.u, state.norms), state.change)


def _begin(lower: LowerLevel, start: PrimalDualPair, inside: Float[Array, ""]) -> InteriorPointState:
    """Move a pair inside its bounds, and split its responses with some room on either side."""
    regularizer = analysis_regularizer(lower)
    responses, weight = regularizer.W(start.x), regularizer.weight_like(start.u)
    norms = squared_norms(lower, start.x.shape)
    # Of the size that responses could have: those of the start may be rounding, or zero.
    largest = jnp.sqrt(norms.W) * euclidean_norm(lower.A.adjoint(lower.y)) / norms.A
    room = jnp.maximum(inside * jnp.mean(jnp.abs(responses)), LEAST_ROOM * largest / responses.size**0.5)
    room = jnp.where(room > 0, room, jnp.ones_like(room))
    u = jnp.clip(start.u, -(1 - inside) * weight, (1 - inside) * weight)
    above, below = (jnp.maximum(sign * responses, 0) + room for sign in (1, -1))
    # A row without a weight has no part in anything; its slacks only must not be zero.
    slacks = [jnp.where(weight > 0, weight + sign * u, jnp.ones_like(u)) for sign in (-1, 1)]
    layout = layout_of(lower, start.x.shape)
    return InteriorPointState(
        PathPoint(start.x, u, above, below, *slacks),
        jnp.zeros((), start.x.dtype),
        data_matrix(lower, layout),
        norms,
    )
