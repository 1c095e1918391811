"""The `custom_vjp` that all adjoint methods share: solve forward, `method.backward` on the way back."""

import functools

import jax
import jax.numpy as jnp

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver
from .method import AdjointMethod, require_supported


def solve_with_adjoint(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    lower: LowerLevel,
    start: PrimalDualPair | None = None,
) -> Solution:
    """Solve the lower level; the derivative of `Solution.x` is `method.backward`.

    Only reverse mode is defined; it can be nested in `jit` and `vmap`. The solution does not depend on where
    the solver starts, so that the derivative by `start` is zero.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason.
    """
    require_supported(method, solver, lower)
    return _solve(method, solver, budget, lower, start)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _solve(
    method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None
) -> Solution:
    del method
    return solve(solver, budget, lower, start)


def _forward(
    method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None
) -> tuple[Solution, tuple[LowerLevel, Solution, PrimalDualPair | None]]:
    del method
    solution = solve(solver, budget, lower, start)
    return solution, (lower, solution, start)


def _backward(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    saved: tuple[LowerLevel, Solution, PrimalDualPair | None],
    cotangent: Solution,
) -> tuple[LowerLevel, PrimalDualPair | None]:
    lower, solution, start = saved
    gradient = method.backward(solver, budget, lower, solution, cotangent.x)[0]
    return gradient, jax.tree.map(jnp.zeros_like, start)


_solve.defvjp(_forward, _backward)
