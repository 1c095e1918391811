"""FISTA on the dual of l1 denoising."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.operators.identity import Identity
from ...problems.values.configuration import configuration
from ..analysis_l1_problem import (
    PrimalDualPair,
    SquaredNorms,
    penalty_of,
    squared_norm_of_W,
    supports_analysis,
)
from ..dual_norm import inside_bounds
from ..residuals import kkt_residual
from ..solver_traits import SolverTraits
from .momentum import extrapolate


class DualFistaState(NamedTuple):
    """The dual iterate, the extrapolated point, the momentum parameter and the constant step size."""

    u: Float[Array, "..."]
    z: Float[Array, "..."]
    t: Float[Array, ""]
    step_size: Float[Array, ""]


@configuration
class DualFista:
    """Solve  min_u 1/2 ||y - W^T u||^2, |u_i| <= weight_i,  by accelerated projected gradient with restart.

    u+ = clip(z - W(W^T z - y) / ||W||^2, -weight, weight),  x = y - W^T u; starts at u = 0. Needs
    A = identity. The projection puts inactive dual variables exactly on their bound, so that the active set
    can be read off. A norm of groups bounds ||u_g|| by weight_g instead, to which groups are scaled.
    Source: Beck and Teboulle, 2009; restart of O'Donoghue and Candes, 2015.
    """

    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for denoising with an l1 norm or a norm of groups, else why not."""
        if not isinstance(lower.A, Identity):
            return f"its dual needs A = identity; {type(lower.A).__name__} is not"
        return supports_analysis(lower)

    def init(self, lower: LowerLevel) -> DualFistaState:
        """Start at u = 0."""
        u = jnp.zeros_like(penalty_of(lower).W(lower.y))
        return self.init_at(lower, PrimalDualPair(lower.y, u))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> DualFistaState:
        """Start at a given u, moved into its bounds; x follows from it."""
        u = inside_bounds(penalty_of(lower), start.u)
        return DualFistaState(u, u, jnp.ones((), u.dtype), 1 / squared_norm_of_W(lower, lower.y.shape))

    def step(self, lower: LowerLevel, state: DualFistaState) -> DualFistaState:
        """Take one projected gradient step from the extrapolated point and extrapolate again."""
        regularizer = penalty_of(lower)
        W = regularizer.W
        u = inside_bounds(regularizer, state.z - state.step_size * W(W.adjoint(state.z) - lower.y))
        z, t = extrapolate(state.u, u, state.z, state.t)
        return DualFistaState(u, z, t, state.step_size)

    def restart(self, lower: LowerLevel, state: DualFistaState) -> DualFistaState:
        """Drop the momentum."""
        del lower
        return state._replace(z=state.u, t=jnp.ones_like(state.t))

    def iterate(self, lower: LowerLevel, state: DualFistaState) -> Float[Array, "..."]:
        """Return x = y - W^T u."""
        return lower.y - penalty_of(lower).W.adjoint(state.u)

    def dual(self, lower: LowerLevel, state: DualFistaState) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x."""
        del lower
        return state.u

    def residual(self, lower: LowerLevel, state: DualFistaState) -> Float[Array, ""]:
        """Return the relative KKT residual, duality gap included."""
        norms = SquaredNorms(jnp.ones_like(state.step_size), 1 / state.step_size)
        return kkt_residual(lower, self.iterate(lower, state), state.u, norms)
