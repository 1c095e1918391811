"""Implicit differentiation, of an optimality condition or of a solver's fixed point."""

import math
from typing import ClassVar, Literal, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import SmoothRegularizer
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.cg import Cg
from ..solvers.circulant_preconditioner import Preconditioner
from ..solvers.linear_solver import LinearSolver
from ..solvers.solver import Solution, Solver
from .adjoint_equation import AdjointEquation, contraction_of, of_fixed_point, of_optimality
from .adjoint_rule import solve_with_adjoint
from .method import Backward

Condition = Literal["optimality", "fixed-point"]


@configuration
class Implicit:
    """Differentiate the condition that defines the solution by the implicit function theorem.

    Of the optimality condition grad E(x*, theta) = 0: solve  H v = g,  H the Hessian of the energy at x* and
    g the cotangent of x*; the hypergradient is -d/dtheta <v, grad E(x*, theta)>. Of the fixed point
    z* = T(z*, theta) of the solver's step on its whole state, dual variables included: solve
    (I - J^T) w = r,  J the Jacobian of T and r the cotangent of the state; the hypergradient is
    d/dtheta <w, T(z*, theta)>. Both are scaled so that fixed-point iterations of the adjoint contract.

    Exact at an exact solution with an invertible system; an error of x* of size e leaves one of the order of
    e, and the linear solver's comes on top. On l1 problems J is that of the side that the state is on.
    Source: Samuel and Tappen, 2009; Pedregosa, 2016; Bai, Kolter and Koltun, 2019 (fixed points).

    Args:
        linear: solver of the adjoint equation.
        on: "optimality" (smooth energies) or "fixed-point".
        damping: added to the system's diagonal, which is scaled to a norm of about one: biased towards
            `OneStep`, but solvable where the system is singular.
        preconditioner: None, or what approximates the inverse of the system from its products.

    Raises:
        ValueError: if `on` is unknown or `damping` negative.
    """

    linear: LinearSolver = Cg()
    on: Condition = "optimality"
    damping: float = 0.0
    preconditioner: Preconditioner | None = None
    adjoint_can_start: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.on not in get_args(Condition):
            raise ValueError(f"on must be one of {get_args(Condition)}; got {self.on!r}")
        if not 0 <= self.damping < math.inf:
            raise ValueError(f"damping must be at least 0 and finite; got {self.damping}")

    @property
    def exact(self) -> bool:
        """Say whether the gradient tends to the solution's as the budget grows."""
        return self.damping == 0 and getattr(self.linear, "exact", True)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if the condition can be differentiated and solved with `linear`, else why not."""
        if self.on == "optimality":
            if isinstance(lower.regularizer, SmoothRegularizer):
                return None
            name = type(lower.regularizer).__name__
            return f"{name} is not smooth, so its optimality condition has no Hessian"
        if not getattr(solver, "differentiable_step", True):
            return f"{type(solver).__name__}'s step holds a loop that reverse mode cannot cross"
        if getattr(self.linear, "symmetric_only", False):
            return f"{self.linear!r} is for symmetric systems, and the Jacobian of a step is not"
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(
        self,
        solver: Solver,
        budget: Budget,
        lower: LowerLevel,
        solution: Solution,
        cotangent: Float[Array, "..."],
        start: Float[Array, "..."] | None = None,
    ) -> tuple[LowerLevel, Backward]:
        """Solve the adjoint equation, from `start` if given, and pair its solution with the condition."""
        del budget
        equation = self._equation(solver, lower, solution, cotangent)
        approximate = self.preconditioner
        inverse = None if approximate is None else approximate.invert(equation.matvec, equation.rhs)
        found = self.linear.solve_linear(equation.matvec, equation.rhs, start=start, preconditioner=inverse)
        account = Backward(
            found.residual, found.steps, adjoint=found.value, contraction=contraction_of(equation)
        )
        return equation.pull(found.value), account

    def _equation(
        self, solver: Solver, lower: LowerLevel, solution: Solution, cotangent: Array
    ) -> AdjointEquation:
        if self.on == "optimality":
            equation = of_optimality(lower, solution.x, cotangent)
        else:
            equation = of_fixed_point(solver, lower, solution, cotangent)
        if not self.damping:
            return equation
        exact = equation.matvec
        return equation._replace(matvec=lambda v: exact(v) + jnp.asarray(self.damping, v.dtype) * v)
