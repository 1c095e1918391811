"""The Condat-Vu primal-dual iteration."""

from typing import NamedTuple

from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ..analysis_l1_problem import (
    PrimalDualPair,
    SquaredNorms,
    penalty_of,
    squared_norms,
    supports_analysis,
)
from ..dual_norm import inside_bounds
from ..residuals import kkt_residual
from ..solver_traits import SolverTraits
from .first_iterate import first_pair


class PrimalDualState(NamedTuple):
    """The primal and the dual iterate, and the constants that the two step sizes are made of."""

    x: Float[Array, "..."]
    u: Float[Array, "..."]
    norms: SquaredNorms


@configuration
class PrimalDual:
    """Solve  min_x 1/2 ||A x - y||^2 + sum_i weight_i |w_i x|  for every A, without inverting anything.

    x+ = x - tau (A^T(A x - y) + W^T u),  u+ = clip(u + sigma W(2 x+ - x), -weight, weight), with
    1/tau = ||A||^2 / 2 + sigma ||W||^2; starts at x = A^T y / ||A||^2, u = 0. Converges for every convex
    problem of this form, slowly where the active rows are nearly dependent; of a norm of groups the
    projection scales each. Source: Condat, 2013, algorithm
    3.1; Vu, 2013.

    Args:
        dual_scale: sigma ||W||^2 / ||A||^2, which balances the two step sizes, whatever the units; larger
            values favour the dual variable. An array can be traced, and learned through `Unrolled`.

    Raises:
        ValueError: if `dual_scale` is not positive.
    """

    dual_scale: float | Float[Array, ""] = 3.0
    traits = SolverTraits()

    def __post_init__(self) -> None:
        if is_known(self.dual_scale) and not self.dual_scale > 0:
            raise ValueError(f"dual_scale must be positive; got {self.dual_scale}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for l1 problems and norms of groups, else why not."""
        return supports_analysis(lower)

    def init(self, lower: LowerLevel) -> PrimalDualState:
        """Start at x = A^T y / ||A||^2, u = 0."""
        return self.init_at(lower, first_pair(lower))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> PrimalDualState:
        """Start at a given pair, u moved into its bounds."""
        u = inside_bounds(penalty_of(lower), start.u)
        return PrimalDualState(start.x, u, squared_norms(lower, start.x.shape))

    def step(self, lower: LowerLevel, state: PrimalDualState) -> PrimalDualState:
        """Take a primal gradient step, then a projected dual step from the extrapolated point."""
        regularizer = penalty_of(lower)
        W = regularizer.W
        primal_step = 1 / (state.norms.A * (0.5 + self.dual_scale))
        dual_step = self.dual_scale * state.norms.dual_unit
        x = state.x - primal_step * (lower.data_gradient(state.x) + W.adjoint(state.u))
        u = inside_bounds(regularizer, state.u + dual_step * W(2 * x - state.x))
        return PrimalDualState(x, u, state.norms)

    def iterate(self, lower: LowerLevel, state: PrimalDualState) -> Float[Array, "..."]:
        """Return the primal iterate."""
        del lower
        return state.x

    def dual(self, lower: LowerLevel, state: PrimalDualState) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x."""
        del lower
        return state.u

    def residual(self, lower: LowerLevel, state: PrimalDualState) -> Float[Array, ""]:
        """Return the relative KKT residual, duality gap included."""
        return kkt_residual(lower, state.x, state.u, state.norms)
