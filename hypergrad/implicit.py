"""Implicit differentiation of a smooth energy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import SmoothRegularizer
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.cg import Cg
from ..solvers.linear_solver import LinearSolver
from ..solvers.solver import Solution, Solver
from .adjoint_rule import solve_with_adjoint
from .method import Backward


@configuration
class Implicit:
    """Differentiate the optimality condition grad E(x*, theta) = 0 by the implicit function theorem.

    Solves  H v = g  with H the Hessian of the energy at x* and g the cotangent of x*; the hypergradient is
    -d/dtheta <v, grad E(x*, theta)>. Exact at an exact solution with an invertible Hessian; an error of x* of
    size e leaves one of the order of e, and the linear solver's comes on top.
    Source: Samuel and Tappen, 2009; Pedregosa, 2016.

    Args:
        linear: solver of the adjoint equation, `Cg()` (matrix-free) or `Dense()`.
    """

    linear: LinearSolver = Cg()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        del solver
        if isinstance(lower.regularizer, SmoothRegularizer):
            return None
        return f"{type(lower.regularizer).__name__} is not smooth, so its optimality condition has no Hessian"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(
        self, solver: Solver, lower: LowerLevel, solution: Solution, cotangent: Float[Array, "..."]
    ) -> tuple[LowerLevel, Backward]:
        """Solve the adjoint equation and pair its solution with the optimality condition."""
        del solver
        x = solution.x

        def hessian(v: Array) -> Array:
            return jax.jvp(lower.gradient, (x,), (v,))[1]

        adjoint = self.linear.solve_linear(hessian, cotangent)

        def pairing(lower: LowerLevel) -> Array:
            return -jnp.vdot(adjoint.value, lower.gradient(x))

        return jax.grad(pairing)(lower), Backward(adjoint.residual, adjoint.steps)
