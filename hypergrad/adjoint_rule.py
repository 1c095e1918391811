"""The `custom_vjp` that all adjoint methods share: solve forward, `method.backward` on the way back."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..problems.arrays.mesh_axes import differing_as
from ..problems.lower_level import LowerLevel
from ..problems.values.settings import Frame, split
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver, StartPoint
from .forward_refused import forward_refused
from .method import AdjointMethod, PairMethod, require_supported
from .second_order import solve_to_differentiate
from .seen_fields import refuse, require_held, seen_fields, values_of
from .solved import Solved


def solve_with_adjoint(
    method: AdjointMethod,
    solver: Solver,
    budget: Budget,
    lower: LowerLevel,
    start: StartPoint | None = None,
) -> Solution:
    """Solve the lower level; the derivative of `Solution.x` is `method.backward`.

    It can be nested in `jit` and `vmap`. Forward mode is not defined for the first derivative, and is for
    derivatives of the gradient where the method says how its solution moves (`TangentMethod`). The solution
    does not depend on where the solver starts, so that the derivative by `start` is zero.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason; when
            differentiated, if the loss sees a field of the solution that the method does not differentiate.
        TypeError: if forward mode meets it, or a second derivative that the method does not have, or a
            derivative by a setting such as a solver's step size.
    """
    require_supported(method, solver, lower)
    frame, arrays = split(method, solver, budget)
    # Inside `jax.shard_map` a rule's cotangents have its arguments' types: where one differs, all do.
    given = (arrays, lower, start)
    with forward_refused(method):
        return _solve(frame, *differing_as(given, given))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _solve(frame: Frame, arrays: list[Array], lower: LowerLevel, start: StartPoint | None) -> Solution:
    _, solver, budget = frame.filled(arrays)
    return solve(solver, budget, lower, start)


def _forward(
    frame: Frame, arrays: Any, lower: Any, start: Any
) -> tuple[Solution, tuple[list[Array], Solved, StartPoint | None]]:
    require_held(frame, arrays)
    # With symbolic zeros every leaf arrives wrapped, and the backward pass learns what the loss sees.
    arrays, lower, start = values_of((arrays, lower, start))
    method, solver, budget = frame.filled(arrays)
    solution = solve_to_differentiate(method, solver, budget, lower, start)
    return solution, (arrays, Solved(solver, budget, lower, solution), start)


def _backward(
    frame: Frame,
    saved: tuple[list[Array], Solved, StartPoint | None],
    cotangent: Solution,
) -> tuple[list[Array], LowerLevel, StartPoint | None]:
    arrays, solved, start = saved
    method = frame.filled(arrays)[0]
    seen = seen_fields(repr(method), solved, cotangent)
    of_x = jnp.zeros_like(solved.x) if seen.x is None else seen.x
    if seen.u is None:
        gradient = method.backward(solved, of_x)[0]
    elif isinstance(method, PairMethod):
        gradient = method.backward_of_pair(solved, PrimalDualPair(of_x, seen.u))[0]
    else:
        raise refuse(repr(method), ".state, the dual variable")
    of_settings, of_start = jax.tree.map(jnp.zeros_like, (arrays, start))
    return of_settings, gradient, of_start


_solve.defvjp(_forward, _backward, symbolic_zeros=True)
