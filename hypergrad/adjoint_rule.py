"""The `custom_vjp` that all adjoint methods share: solve forward, `method.backward` on the way back."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver
from .forward_refused import forward_refused
from .method import AdjointMethod, PairMethod, require_supported
from .second_order import solve_to_differentiate
from .seen_fields import refuse, seen_fields, values_of


def solve_with_adjoint(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    lower: LowerLevel,
    start: PrimalDualPair | None = None,
) -> Solution:
    """Solve the lower level; the derivative of `Solution.x` is `method.backward`.

    It can be nested in `jit` and `vmap`. Forward mode is not defined for the first derivative, and is for
    derivatives of the gradient where the method says how its solution moves (`TangentMethod`). The solution
    does not depend on where the solver starts, so that the derivative by `start` is zero.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason; when
            differentiated, if the loss sees a field of the solution that the method does not differentiate.
        TypeError: if forward mode meets it, or a second derivative that the method does not have.
    """
    require_supported(method, solver, lower)
    with forward_refused(method):
        return _solve(method, solver, budget, lower, start)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _solve(
    method: AdjointMethod, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None
) -> Solution:
    del method
    return solve(solver, budget, lower, start)


def _forward(
    method: AdjointMethod, solver: Solver, budget: Budget, lower: Any, start: Any
) -> tuple[Solution, tuple[LowerLevel, Solution, PrimalDualPair | None]]:
    # With symbolic zeros every leaf arrives wrapped, and the backward pass learns what the loss sees.
    lower, start = values_of(lower), values_of(start)
    solution = solve_to_differentiate(method, solver, budget, lower, start)
    return solution, (lower, solution, start)


def _backward(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    saved: tuple[LowerLevel, Solution, PrimalDualPair | None],
    cotangent: Solution,
) -> tuple[LowerLevel, PrimalDualPair | None]:
    lower, solution, start = saved
    seen = seen_fields(repr(method), solver, lower, solution, cotangent)
    of_x = jnp.zeros_like(solution.x) if seen.x is None else seen.x
    if seen.u is None:
        gradient = method.backward(solver, budget, lower, solution, of_x)[0]
    elif isinstance(method, PairMethod):
        gradient = method.backward_of_pair(solver, lower, solution, PrimalDualPair(of_x, seen.u))[0]
    else:
        raise refuse(repr(method), ".state, the dual variable")
    return gradient, jax.tree.map(jnp.zeros_like, start)


_solve.defvjp(_forward, _backward, symbolic_zeros=True)
