"""The `custom_vjp` that all adjoint methods share: solve forward, `method.backward` on the way back."""

import functools

import jax

from ..problems.lower_level import LowerLevel
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver
from .method import AdjointMethod, require_supported


def solve_with_adjoint(method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
    """Solve the lower level; the derivative of `Solution.x` is `method.backward`.

    Only reverse mode is defined; it can be nested in `jit` and `vmap`.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason.
    """
    require_supported(method, solver, lower)
    return _solve(method, solver, budget, lower)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _solve(method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
    del method
    return solve(solver, budget, lower)


def _forward(
    method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel
) -> tuple[Solution, tuple[LowerLevel, Solution]]:
    del method
    solution = solve(solver, budget, lower)
    return solution, (lower, solution)


def _backward(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    saved: tuple[LowerLevel, Solution],
    cotangent: Solution,
) -> tuple[LowerLevel]:
    del budget
    lower, solution = saved
    return (method.backward(solver, lower, solution, cotangent.x)[0],)


_solve.defvjp(_forward, _backward)
