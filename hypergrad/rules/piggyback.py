"""Piggyback differentiation: the adjoint is iterated along with the solution."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ...solvers.analysis_l1_problem import DualSolver, PrimalDualPair, squared_norms, supports_analysis
from ...solvers.budget import Budget
from ...solvers.linear.krylov import Tolerance, require_limits
from ...solvers.linear.linear_solver import normalized
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_equation import no_hessian, of_optimality
from ..adjoint_rule import solve_with_adjoint
from ..bounds.error_bound import error_bound, no_error_bound
from ..joint.descent_form import DescentState, descent_form, descent_start
from ..joint.joint_iteration import JointEnd, JointForm, iterate_jointly
from ..joint.saddle_form import (
    SaddleState,
    active_point,
    as_vector,
    from_vector,
    saddle_form,
    saddle_start,
    source_norm,
)
from ..l1.analysis_pairing import pair
from ..l1.undecided_rows import undecided_rows
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved


@configuration
class Piggyback:
    """Iterate the adjoint along with the solution, each adjoint step by the derivative of the solution's.

    For a norm of analysis responses,  min_x max_u <W x, u> + 1/2 ||A x - y||^2 - f*(u),  a pair (x, u) takes
    primal-dual steps and an adjoint pair (v, mu) takes their derivative, with the loss's gradient g as its
    source (`saddle_form`); no system is formed or solved. With the limits the hypergradient is minus the
    gradient of

        <v, A^T (A x - y)> + <u, W v> + <mu, W x>,

    by W that is  -(u v^T + mu x^T). A smooth energy has no dual variable and takes gradient steps
    (`descent_form`); that is how an input-convex network is differentiated.

    The loss's gradient is known in the backward pass alone, so that both are iterated there, from where the
    forward solve ended, whatever the solver: the solution moves on, and the hypergradient is that at the
    better point. The solution that is returned stays the forward solve's, and so does g: where its tolerance
    is loose the gradient lacks what g would change from the one to the other.

    `Backward.error_bound` bounds the error of the gradient by the regulariser's parameters, g held, or with
    `outer_lipschitz` that of the loss's own gradient. It needs strong convexity and a bounded third
    derivative: smooth energies of which `no_error_bound` is None. For norms of responses it is None: their
    dual problem is not strongly concave, and the distance of the adjoint to its limit depends on the smallest
    singular value of the active rows of W, which the iteration does not know. The residual is computed anew,
    and `undecided` counts rows whose side is not certain.

    The number of steps grows with the condition of the active rows, or of the Hessian; `ClosedForm` and
    `Implicit` usually take fewer. Memory is that of two iterates.
    Source: Griewank and Faure, 2003; Bogensperger, Chambolle and Pock, 2022 (saddle points); Bogensperger,
    Ehrhardt, Pock, Salehi and Wong, 2025 (inexact). Theirs takes a proximal step of the data term in x; here
    it is a gradient step, for every A.

    Args:
        max_steps: joint steps at most.
        adjoint_tolerance: relative residual of the adjoint equation at which to stop.
        dual_scale: sigma ||W||^2 / ||A||^2, which balances the two step sizes, as in `PrimalDual`; it is
            doubled wherever the dual part of the adjoint lags.
        outer_lipschitz: Lipschitz constant of the outer loss's gradient, see `error_bound`; with 0, the
            cotangent counts as that at the solution.

    Raises:
        ValueError: if a number is out of its range.
    """

    max_steps: int = 5000
    adjoint_tolerance: Tolerance = 1e-10
    dual_scale: float | Float[Array, ""] = 3.0
    outer_lipschitz: float = 0.0
    traits = MethodTraits(adjoint_can_start=True)

    def __post_init__(self) -> None:
        require_limits(self.max_steps, self.adjoint_tolerance)
        if is_known(self.dual_scale) and not 0 < self.dual_scale < math.inf:
            raise ValueError(f"dual_scale must be positive and finite; got {self.dual_scale}")
        if not 0 <= self.outer_lipschitz < math.inf:
            raise ValueError(f"outer_lipschitz must be at least 0 and finite; got {self.outer_lipschitz}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, and for norms of responses with a dual variable, else why not."""
        reason = no_hessian(lower)
        if reason is None:
            return None
        if supports_analysis(lower) is not None:
            return f"{reason}, nor is it a norm of responses, whose saddle point could be iterated"
        if not isinstance(solver, DualSolver):
            return f"{type(solver).__name__} offers no dual variable"
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(
        self, solved: Solved, cotangent: Float[Array, "..."], start: Float[Array, "..."] | None = None
    ) -> tuple[LowerLevel, Backward]:
        """Iterate from the end of the solve, and from a guess of the adjoint if there is one, and pair."""
        if no_hessian(solved.lower) is None:
            return self._descend(solved, cotangent, start)
        return self._follow_saddle(solved, PrimalDualPair(cotangent, jnp.zeros_like(solved.dual)), start)

    def backward_of_pair(self, solved: Solved, cotangent: PrimalDualPair) -> tuple[LowerLevel, Backward]:
        """Do the same for cotangents of x and of the dual variable."""
        return self._follow_saddle(solved, cotangent, None)

    def _descend(
        self, solved: Solved, cotangent: Float[Array, "..."], start: Float[Array, "..."] | None
    ) -> tuple[LowerLevel, Backward]:
        lower = solved.lower
        unit, norm = normalized(cotangent)
        guess = None if start is None else start / norm
        end = self._iterate(descent_form(lower, unit), descent_start(solved.x, guess))
        state: DescentState = end.state
        v = norm * state.v
        account = _account(end, v)._replace(error_bound=self._bound(solved, cotangent, state.x, v))
        return of_optimality(lower, state.x, cotangent).pull(v), account

    def _bound(
        self,
        solved: Solved,
        cotangent: Float[Array, "*shape"],
        x: Float[Array, "*shape"],
        v: Float[Array, "*shape"],
    ) -> Float[Array, ""] | None:
        if no_error_bound(solved.lower) is not None:
            return None
        # The cotangent was evaluated where the forward solve ended.
        moved = euclidean_norm(x - solved.x)
        return error_bound(solved.lower, x, cotangent, v, self.outer_lipschitz, moved).total

    def _follow_saddle(
        self, solved: Solved, cotangent: PrimalDualPair, start: Float[Array, "..."] | None
    ) -> tuple[LowerLevel, Backward]:
        lower = solved.lower
        # A tiny cotangent is not rounding, and the steps do not depend on its size.
        norm = source_norm(squared_norms(lower, solved.x.shape), cotangent)
        norm = jnp.where(norm > 0, norm, jnp.ones_like(norm))
        unit, guess = jax.tree.map(lambda part: part / norm, (cotangent, from_vector(start, cotangent)))
        begun = saddle_start(PrimalDualPair(solved.x, solved.dual), guess, self.dual_scale)
        end = self._iterate(saddle_form(lower, unit), begun)
        state: SaddleState = end.state
        adjoint, point = (
            jax.tree.map(lambda part: norm * part, state.adjoint),
            active_point(lower, state.pair),
        )
        mu = jnp.where(point.active, adjoint.u, jnp.zeros_like(adjoint.u))
        account = _account(end, as_vector(adjoint))._replace(
            active_size=jnp.sum(point.active), undecided=undecided_rows(lower, point, mu)
        )
        return pair(lower, point, adjoint.x, mu, cotangent.u), account

    def _iterate(self, form: JointForm, start: SaddleState | DescentState) -> JointEnd:
        return iterate_jointly(form, start, self.max_steps, self.adjoint_tolerance)


def _account(end: JointEnd, adjoint: Float[Array, "..."]) -> Backward:
    return Backward(end.residual, end.steps, adjoint=adjoint, converged=end.converged)
