"""One call for value, gradient and what the backward pass knows."""

from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver
from .method import AdjointMethod, Backward, Method, Outer, require_supported


class Hypergradient(NamedTuple):
    """A loss at the solution of a lower level, with its gradient.

    Attributes:
        value: outer(x*), a scalar.
        gradient: one cotangent a leaf, of the type of the lower level.
        solution: the end of the solve.
        backward: what the backward pass knows of itself.
    """

    value: Float[Array, ""]
    gradient: LowerLevel
    solution: Solution
    backward: Backward


def hypergradient(
    method: Method, solver: Solver, budget: Budget, lower: LowerLevel, outer: Outer
) -> Hypergradient:
    """Return outer(x*(lower)) with its gradient by every leaf, the solution and the backward pass's account.

    The gradient is the one that `jax.grad` gives through `method(solver, budget, lower)`.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason.
    """
    require_supported(method, solver, lower)
    if isinstance(method, AdjointMethod):
        solution = solve(solver, budget, lower)
        value, cotangent = jax.value_and_grad(outer)(solution.x)
        gradient, backward = method.backward(solver, lower, solution, cotangent)
        return Hypergradient(value, gradient, solution, backward)

    def loss(lower: LowerLevel) -> tuple[Array, Solution]:
        solution = method(solver, budget, lower)
        return outer(solution.x), solution

    (value, solution), gradient = jax.value_and_grad(loss, has_aux=True)(lower)
    return Hypergradient(value, gradient, solution, Backward())
