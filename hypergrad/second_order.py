"""How a solve moves with its lower level, for derivatives of a rule's own gradient."""

import functools

import jax

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver
from .method import Method, TangentMethod


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def solve_to_differentiate(
    method: Method, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None
) -> Solution:
    """Solve the lower level; the solution's tangent is the method's, from the optimality system.

    A backward pass is a function of the solution, and differentiating it again needs to know how that moves.
    Tangents through the iterations would not say it: they lag behind the iterates, and a solve that starts at
    its solution has none. To any order, in forward and reverse mode.

    Raises:
        TypeError: when differentiated, if the method does not say how its solution moves.
    """
    del method
    return solve(solver, budget, lower, start)


@solve_to_differentiate.defjvp
def _tangent(
    method: Method,
    solver: Solver,
    budget: Budget,
    primals: tuple[LowerLevel, PrimalDualPair | None],
    tangents: tuple[LowerLevel, PrimalDualPair | None],
) -> tuple[Solution, Solution]:
    if not isinstance(method, TangentMethod):
        raise no_second_derivative(method)
    solution = solve_to_differentiate(method, solver, budget, *primals)
    return solution, method.tangent(solver, primals[0], solution, tangents[0])


def no_second_derivative(method: Method) -> TypeError:
    """Return the error for a rule whose gradient cannot be differentiated again."""
    return TypeError(
        f"the gradient of {method!r} has no derivative of its own: second derivatives (jax.hessian, jax.jvp "
        "of jax.grad, jax.grad of jax.grad) are there for Implicit() and ClosedForm(), from the optimality "
        "system, and for Unrolled(), through its iterations"
    )
