"""A safeguarded second-order solver of l1 problems, which ends with a certificate."""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..analysis_l1_problem import (
    DualSolver,
    PrimalDualPair,
    analysis_regularizer,
    supports_analysis_l1,
)
from ..budget import Budget
from ..certificate import CERTIFIED, Certificate, active_rows, certify
from ..dual_norm import within_bounds
from ..matrices.normal_matrix import (
    Matrix,
    data_matrix,
    layout_of,
    rank_of_rows,
)
from ..residuals import kkt_residual
from ..solve import solve
from ..solver import Solver
from ..solver_traits import SolverTraits
from .augmented_lagrangian import augmented_lagrangian
from .interior_point import InteriorPoint

NEARBY = 1e-7
"""The KKT residual of a pair from which few rows change sides, such as after a change of W by 1e-7."""
FAR_PENALTY, NEAR_PENALTY, LARGEST_PENALTY = 1e2, 1e5, 1e11
PENALTY_RESIDUAL = 1e-3
"""The first penalty times the KKT residual of the start: the nearer it is, the fewer rows change sides."""


class ActiveSetState(NamedTuple):
    """The pair, W x, the penalty over ||A||^2 / ||W||^2, A^T A, Newton steps, and the last violation.

    The responses are carried, not recomputed: on the active rows they tend to zero, and what a product W x
    leaves there of rounding, times a large penalty, would be the dual variable's error.
    """

    x: Float[Array, "..."]
    u: Float[Array, "..."]
    responses: Float[Array, "..."]
    penalty: Float[Array, ""]
    data: Matrix
    newton_steps: Int[Array, ""]
    violation: Float[Array, ""]


@configuration
class ActiveSet:
    """Find the active set by semismooth Newton steps in a proximal method of multipliers.

    A step minimises  1/2 ||A x - y||^2 + M(x; u) + p/2 ||x - x_k||^2  over x, with M the augmented Lagrangian
    of z = W x, whose gradient is W^T clip(u + sigma W x, -weight, weight); then u+ = clip(u + sigma W x+) and
    sigma grows. The function is convex and piecewise quadratic: Newton steps with an exact line search reach
    its minimum, and their equations, A^T A + sigma W0^T W0 with W0 the rows inside their bounds, are
    factorised (dense, or by nested dissection where A and W couple near pixels only). This converges from
    everywhere, and ends at rounding once the active set stays. From nothing it would take a hundred factors
    or more: it begins where an interior-point method ends, or at a given pair whose residual is at most 1e-7.
    Only for float64: its large penalties leave nothing of fewer digits.
    Source: Hintermueller, Ito and Kunisch, 2003; Li, Sun and Toh, 2018.

    Args:
        start: solver with a dual variable.
        start_budget: how far it goes.
        growth: of sigma, from one step to the next.
        newton_steps: at most, in one step.

    Raises:
        ValueError: if `growth` is below 1 or `newton_steps` below 1.
    """

    start: Solver = InteriorPoint()
    start_budget: Budget = Budget(max_steps=60, tolerance=1e-9)
    growth: float = 5.0
    newton_steps: int = 50
    traits = SolverTraits(differentiable_step=False, checks_every_step=True, one_at_a_time=True)

    def __post_init__(self) -> None:
        if not self.growth >= 1 or self.newton_steps < 1:
            raise ValueError(
                f"growth and newton_steps must be at least 1; got {self.growth} and {self.newton_steps}"
            )

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for l1 problems in float64, of a size that can be factorised, else why not."""
        reason = supports_analysis_l1(lower) or self.start.supports(lower)
        if reason is not None:
            return reason
        if not isinstance(self.start, DualSolver):
            return f"it starts from {self.start!r}, which offers no dual variable"
        if lower.y.dtype != jnp.float64:
            return f"its penalties need float64; y is {lower.y.dtype}"
        layout = layout_of(lower, lower.shape)
        if layout.fits:
            return None
        return f"{layout.size} unknowns are too many to factorise"

    def init(self, lower: LowerLevel) -> ActiveSetState:
        """Run the solver that it starts from."""
        return _begin(lower, self._first(lower, None))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> ActiveSetState:
        """Start at a given pair, or where the solver ends that starts there if it is not near a solution.

        A pair that is not finite is left aside, part by part.
        """
        x, u = (jnp.where(jnp.all(jnp.isfinite(part)), part, jnp.zeros_like(part)) for part in start)
        given = PrimalDualPair(x, within_bounds(u, analysis_regularizer(lower).weight_like(u)))
        near = kkt_residual(lower, *given) <= NEARBY
        return _begin(lower, jax.lax.cond(near, lambda: given, lambda: self._first(lower, given)))

    def _first(self, lower: LowerLevel, start: PrimalDualPair | None) -> PrimalDualPair:
        found = solve(self.start, self.start_budget, lower, start)
        return PrimalDualPair(found.x, cast(DualSolver, self.start).dual(lower, found.state))

    def step(self, lower: LowerLevel, state: ActiveSetState) -> ActiveSetState:
        """Minimise, update the dual variable, and raise the penalty."""
        regularizer = analysis_regularizer(lower)
        weight = regularizer.weight_like(state.u)
        pair = PrimalDualPair(state.x, state.u)
        inner = augmented_lagrangian(lower, pair, state.penalty, state.data)
        found = inner.minimize(state.responses, self.newton_steps)
        u = within_bounds(state.u + inner.sigma * found.responses, weight)
        return ActiveSetState(
            found.x,
            u,
            found.responses,
            jnp.minimum(state.penalty * self.growth, LARGEST_PENALTY),
            state.data,
            state.newton_steps + found.steps,
            certify(lower, found.x, u).violation,
        )

    def iterate(self, lower: LowerLevel, state: ActiveSetState) -> Float[Array, "..."]:
        """Return the primal iterate."""
        del lower
        return state.x

    def dual(self, lower: LowerLevel, state: ActiveSetState) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x."""
        del lower
        return state.u

    def residual(self, lower: LowerLevel, state: ActiveSetState) -> Float[Array, ""]:
        """Return the relative KKT residual; until the pair is certified, the violation that prevents it."""
        prevents = jnp.where(state.violation <= CERTIFIED, jnp.zeros_like(state.violation), state.violation)
        return jnp.maximum(kkt_residual(lower, state.x, state.u), prevents)

    def certificate(self, lower: LowerLevel, state: ActiveSetState) -> Certificate:
        """Return the certificate of the pair, with the rank of its active rows."""
        active = active_rows(lower, state.x, state.u)
        rank = rank_of_rows(lower, layout_of(lower, state.x.shape), active)
        return certify(lower, state.x, state.u)._replace(active_rank=rank)


def _begin(lower: LowerLevel, pair: PrimalDualPair) -> ActiveSetState:
    regularizer = analysis_regularizer(lower)
    u = within_bounds(pair.u, regularizer.weight_like(pair.u))
    penalty = PENALTY_RESIDUAL / kkt_residual(lower, pair.x, u)
    return ActiveSetState(
        pair.x,
        u,
        regularizer.W(pair.x),
        jnp.clip(penalty, FAR_PENALTY, NEAR_PENALTY),
        data_matrix(lower, layout_of(lower, pair.x.shape)),
        jnp.zeros((), jnp.int32),
        certify(lower, pair.x, u).violation,
    )
