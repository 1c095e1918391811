"""Implicit differentiation, of an optimality condition or of a solver's fixed point."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import OperatorRegularizer, is_convex
from ...problems.values.configuration import configuration
from ...problems.values.traits import require_traits
from ...solvers.budget import Budget
from ...solvers.continued import continue_solve, not_begun
from ...solvers.linear.cg import Cg
from ...solvers.linear.circulant_preconditioner import Preconditioner
from ...solvers.linear.gmres import Gmres
from ...solvers.linear.implicit_linear import solve_implicitly
from ...solvers.linear.linear_solver import LinearSolution, LinearSolver, Matvec
from ...solvers.linear.linear_solver_traits import LinearSolverTraits
from ...solvers.linear.minres import Minres
from ...solvers.solve import Ended
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_equation import AdjointEquation, contraction_of, no_hessian, of_fixed_point, of_optimality
from ..adjoint_rule import solve_with_adjoint
from ..bounds.certified_accuracy import Aim, refine, result
from ..bounds.error_bound import no_error_bound
from ..method import Backward, Outer
from ..method_traits import MethodTraits
from ..motion import motion_of_fixed_point, motion_of_optimality
from ..second_order import no_derivative_of_refined
from ..solved import Solved
from ..step_map import no_step_derivative

Condition = Literal["optimality", "fixed-point"]


@configuration
class Implicit:
    """Differentiate the condition that defines the solution by the implicit function theorem.

    Of the optimality condition grad E(x*, theta) = 0: solve  H v = g,  H the Hessian of the energy at x* and
    g the cotangent of x*; the hypergradient is -d/dtheta <v, grad E(x*, theta)>. Of the fixed point
    z* = T(z*, theta) of the solver's step on its whole state, dual variables included (of the map, where a
    solver accelerates one): solve  (I - J^T) w = r,  J the Jacobian of T and r the cotangent of the state;
    the hypergradient is d/dtheta <w, T(z*, theta)>. Both are scaled so that fixed-point iterations of the
    adjoint contract.

    Without an energy the operator A^T (A x - y) + R(x) stands where the gradient does and the transpose of
    its Jacobian where H does, which is not symmetric: `linear` must not be for symmetric systems alone.
    The gradient's own derivative (Hessian-vector products of the loss) follows from the same condition.

    Exact at an exact solution with an invertible system; an error of x* of size e leaves one of the order of
    e, and the linear solver's comes on top. On l1 problems J is that of the side that the state is on.
    Source: Samuel and Tappen, 2009; Pedregosa, 2016; Bai, Kolter and Koltun, 2019 (fixed points).

    With an `accuracy` the method chooses how far to solve both: x and v are refined in turn until
    `error_bound`, over the norm of the gradient by the regulariser's parameters, is at most that.
    `hypergradient` knows the loss and lets the cotangent follow x: it starts at a residual of the size of the
    accuracy, whatever the budget's tolerance, and returns the x it ended at. Through `jax.grad` the backward
    pass begins at the solution that was returned, of the budget's tolerance, and goes on from there with the
    cotangent that it was given. Certified is the gradient by the regulariser's parameters, with
    `outer_lipschitz` that of the loss at the exact solution, without it the one for the last cotangent.
    `budget.max_steps` limits the steps in either case; `Backward.error_bound` says what was reached.

    Args:
        linear: solver of the adjoint equation; None takes what fits the lower level, `fitting_linear`.
        on: "optimality" (smooth energies, and operators without one) or "fixed-point" (any that a step with
            a derivative solves).
        damping: added to the system's diagonal, which is scaled to a norm of about one: biased towards
            `OneStep`, but solvable where the system is singular.
        preconditioner: None, or what approximates the inverse of the system from its products.
        accuracy: relative error of the hypergradient that is certified, or None; for an optimality condition
            without damping.
        outer_lipschitz: Lipschitz constant of the outer loss's gradient, 2 / n for the mean squared error of
            n pixels; with 0, the cotangent at x counts as that at the solution.

    Raises:
        ValueError: if `on` is unknown, `damping` negative, or accuracy or `outer_lipschitz` do not fit.
        TypeError: if `linear` says no traits.
    """

    linear: LinearSolver | None = None
    on: Condition = "optimality"
    damping: float = 0.0
    preconditioner: Preconditioner | None = None
    accuracy: float | None = None
    outer_lipschitz: float = 0.0

    def __post_init__(self) -> None:
        if self.on not in get_args(Condition):
            raise ValueError(f"on must be one of {get_args(Condition)}; got {self.on!r}")
        if self.linear is not None:
            require_traits(self.linear, LinearSolverTraits)
        if not 0 <= self.damping < math.inf:
            raise ValueError(f"damping must be at least 0 and finite; got {self.damping}")
        if not 0 <= self.outer_lipschitz < math.inf:
            raise ValueError(f"outer_lipschitz must be at least 0 and finite; got {self.outer_lipschitz}")
        if self.accuracy is None:
            return
        if not 0 < self.accuracy < 1:
            raise ValueError(f"accuracy must be None or between 0 and 1; got {self.accuracy}")
        if self.on != "optimality" or self.damping:
            raise ValueError("an accuracy is certified for on='optimality' and damping=0 alone")

    @property
    def traits(self) -> MethodTraits:
        """Exact without damping and with an exact linear solver; what the adjoint is of depends on `on`."""
        exact = self.damping == 0 and (self.linear is None or self.linear.traits.exact)
        of_energy = self.on == "optimality"
        return MethodTraits(exact=exact, adjoint_of_energy=of_energy, adjoint_can_start=True)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if the condition can be differentiated and solved with `linear`, else why not."""
        if self.on == "optimality":
            return self._supports_optimality(lower)
        reason = no_step_derivative(solver)
        if reason is not None:
            return reason
        if self.linear is not None and self.linear.traits.symmetric_only:
            return f"{self.linear!r} is for symmetric systems, and the Jacobian of a step is not"
        return None

    def _supports_optimality(self, lower: LowerLevel) -> str | None:
        reason = no_hessian(lower)
        if reason is None:
            return None if self.accuracy is None else no_error_bound(lower)
        if not isinstance(lower.regularizer, OperatorRegularizer):
            return reason
        if self.linear is not None and self.linear.traits.symmetric_only:
            return f"{reason}; {self.linear!r} is for symmetric systems, Implicit(linear=Gmres()) does it"
        return None if self.accuracy is None else no_error_bound(lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(
        self, solved: Solved, cotangent: Float[Array, "..."], start: Float[Array, "..."] | None = None
    ) -> tuple[LowerLevel, Backward]:
        """Solve the adjoint equation, from `start` if given, and pair its solution with the condition."""
        if self.accuracy is not None:
            lower, solution = solved.lower, solved.solution
            aim = self._aim(solved.solver, solved.budget, lower, lambda _: cotangent)
            aim = aim._replace(held_at=solution.x)
            ended = Ended(solution.state, solution.steps, solution.residual)
            guess = jnp.zeros_like(cotangent) if start is None else start
            return result(aim, lower, refine(aim, lower, ended, guess))[1:]
        equation = self._equation(solved, cotangent)
        found = self._solve(solved.lower, equation.matvec, equation.rhs, start)
        account = Backward(
            found.residual,
            found.steps,
            adjoint=found.value,
            contraction=contraction_of(equation),
            converged=found.converged,
        )
        return equation.pull(found.value), account

    def tangent(self, solved: Solved, direction: LowerLevel) -> Solution:
        """Solve the condition's linearisation for the derivative of solution, or state, along a direction.

        Raises:
            TypeError: with an accuracy, since what is refined in turn has no derivative.
        """
        if self.accuracy is not None:
            raise no_derivative_of_refined(repr(self))
        if self.on == "optimality":
            motion = motion_of_optimality(solved, direction)
        else:
            motion = motion_of_fixed_point(solved, direction)
        return motion.solution(self._solve(solved.lower, self._damped(motion.matvec), motion.rhs).value)

    def _solve(
        self,
        lower: LowerLevel,
        matvec: Matvec,
        rhs: Float[Array, "..."],
        start: Float[Array, "..."] | None = None,
    ) -> LinearSolution:
        approximate = self.preconditioner
        inverse = None if approximate is None else approximate.invert(matvec, rhs)
        linear = self.linear or fitting_linear(lower, self.on)
        return solve_implicitly(linear, matvec, rhs, start=start, preconditioner=inverse)

    def solve_to_accuracy(
        self,
        solver: Solver,
        budget: Budget,
        lower: LowerLevel,
        outer: Outer,
        start: Float[Array, "..."] | None = None,
    ) -> tuple[Solution, LowerLevel, Backward]:
        """Solve the lower level and the adjoint equation no further than the accuracy demands."""
        aim = self._aim(solver, budget, lower, jax.grad(outer))
        # A residual of the size of the accuracy is never too good: the bound's constants only enlarge it.
        begun = not_begun(solver, lower)
        first = jnp.asarray(aim.accuracy, begun.residual.dtype)
        ended = continue_solve(solver, budget, lower, begun, first)
        guess = jnp.zeros_like(solver.iterate(lower, ended.state)) if start is None else start
        return result(aim, lower, refine(aim, lower, ended, guess))

    def _aim(
        self, solver: Solver, budget: Budget, lower: LowerLevel, cotangent: Callable[[Array], Array]
    ) -> Aim:
        assert self.accuracy is not None
        linear = self.linear or fitting_linear(lower, self.on)
        ways = linear, self.preconditioner, solver, budget, cotangent
        return Aim(self.accuracy, self.outer_lipschitz, *ways)

    def _equation(self, solved: Solved, cotangent: Float[Array, "..."]) -> AdjointEquation:
        if self.on == "optimality":
            equation = of_optimality(solved.lower, solved.x, cotangent)
        else:
            equation = of_fixed_point(solved, cotangent)
        return equation._replace(matvec=self._damped(equation.matvec))

    def _damped(self, matvec: Matvec) -> Matvec:
        if not self.damping:
            return matvec
        return lambda v: matvec(v) + jnp.asarray(self.damping, v.dtype) * v


def fitting_linear(lower: LowerLevel, on: Condition = "optimality") -> LinearSolver:
    """Return the linear solver that the adjoint equation of a lower level needs.

    Conjugate gradients where the energy is certainly convex; MINRES for every other energy, whose Hessian can
    be indefinite, where conjugate gradients may break down; GMRES for the Jacobian of a step or an operator,
    which is not symmetric.
    """
    if on == "fixed-point" or isinstance(lower.regularizer, OperatorRegularizer):
        return Gmres()
    return Cg() if is_convex(lower.regularizer) else Minres()
