"""One-step, or Jacobian-free, differentiation."""

import jax
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_rule import solve_with_adjoint
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved
from ..step_map import connected, differentiated_step, no_step_derivative


@configuration
class OneStep:
    """Differentiate one more step of the solver at its last state, taken as a constant.

    With T the step, the hypergradient is (dT/dtheta)^T g instead of (dT/dtheta)^T (I - dT/dx^T)^{-1} g: its
    relative error is of the order of the contraction factor of T, whatever the budget, and its norm too
    small. Cheap, and biased unless T contracts fast. Source: Fung et al., 2022 (JFB); Bolte, Pauwels and
    Vaiter, 2023.
    """

    traits = MethodTraits(exact=False)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if reverse mode can cross the solver's step, else why not."""
        del lower
        return no_step_derivative(solver)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Pull the cotangent back through one step."""
        solver = solved.solver

        def one_more(lower: LowerLevel) -> Array:
            state = connected(solver, lower, solved.solution.state)
            return solver.iterate(lower, differentiated_step(solver)(lower, state))

        return jax.vjp(one_more, solved.lower)[1](cotangent)[0], Backward()
