"""The closed-form hypergradient of l1 problems, from the dual."""

from typing import cast

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from ..problems.dense import Dense
from ..problems.filter_bank import FilterBank
from ..problems.identity import Identity
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import AnalysisRegularizer
from ..solvers.analysis_l1_problem import DualSolver, analysis_regularizer
from ..solvers.budget import Budget
from ..solvers.cg import Cg
from ..solvers.linear_solver import LinearSolver
from ..solvers.solver import Solution, Solver
from .active_rows import project_dense, project_matrix_free
from .adjoint_rule import solve_with_adjoint
from .analysis_pairing import ActiveSet, pair
from .method import Backward


@configuration
class ClosedForm:
    """Differentiate l1 denoising on its active set, without iterating (BLORC).

    The dual variable splits the rows of W into active ones (|u_i| < weight_i, where w_i x* = 0) and the rest,
    which carry the signs s. With W0 the active rows and g the cotangent of x*, mu solves W0 W0^T mu = W0 g,
    and v = g - W0^T mu is g projected on the null space of W0. Holding x*, v, s, the active u and mu fixed,
    the hypergradient is minus the gradient of

        <v, A^T(A x* - y)> + <u, W v> + <mu, W x*>,    u = weight * s on the inactive rows.

    Holds where the active set is locally constant and W0 has full row rank; elsewhere x* need not be
    differentiable, and one element of a set of limits comes back. Needs a converged dual variable.
    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), theorem on the gradient, rewritten as an adjoint.

    Args:
        threshold: a row is active if |u_i| < weight_i (1 - threshold); 1e-6 is the authors' choice.
        linear: solver for mu where W is a filter bank; a `Dense` W is factorised (Cholesky).

    Raises:
        ValueError: if `threshold` is not in [0, 1).
    """

    threshold: float = 1e-6
    linear: LinearSolver = Cg()

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1); got {self.threshold}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for l1 denoising with a solver that has a dual variable, else why not."""
        if not isinstance(lower.regularizer, AnalysisRegularizer):
            return f"{type(lower.regularizer).__name__} has no dual variable that shows an active set"
        if not isinstance(lower.A, Identity):
            return f"the closed form needs A = identity; {type(lower.A).__name__} is not"
        if not isinstance(lower.regularizer.W, Dense | FilterBank):
            return f"W must be Dense or FilterBank; {type(lower.regularizer.W).__name__} is neither"
        if not isinstance(solver, DualSolver):
            return f"{type(solver).__name__} offers no dual variable"
        return None

    def __call__(self, solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower)

    def backward(
        self, solver: Solver, lower: LowerLevel, solution: Solution, cotangent: Float[Array, "..."]
    ) -> tuple[LowerLevel, Backward]:
        """Project the cotangent on the null space of the active rows and pair."""
        regularizer = analysis_regularizer(lower)
        u = cast(DualSolver, solver).dual(lower, solution.state)
        active = jnp.abs(u) < regularizer.weight_like(u) * (1 - self.threshold)
        if isinstance(regularizer.W, Dense):
            mu, backward = project_dense(regularizer.W.matrix, active, cotangent)
        else:
            mu, backward = project_matrix_free(regularizer.W, active, cotangent, self.linear)
        v = cotangent - regularizer.W.adjoint(mu)
        return pair(lower, ActiveSet(solution.x, u, active), v, mu), backward
