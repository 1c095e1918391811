"""The driver of every solver: it alone stops and counts."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..problems.lower_level import LowerLevel
from .budget import Budget
from .solver import Outcome, Solution, Solver


def solve(solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
    """Iterate until the relative residual is at most the tolerance, or the steps are used up.

    Composes with `jit` and `vmap` (a batch runs until its slowest member is done, members that are done stay
    as they are). Reverse-mode differentiation cannot cross its loop: that is what
    `hypergrad_bench.hypergrad` is for.

    Raises:
        ValueError: if the solver does not support the lower level, with the reason.
    """
    reason = solver.supports(lower)
    if reason is not None:
        raise ValueError(f"{solver!r} cannot solve this lower level: {reason}")
    every = min(budget.check_every, budget.max_steps)
    checked_steps = budget.max_steps - budget.max_steps % every

    def running(carry: tuple[Any, Any, Any]) -> Any:
        _, steps, residual = carry
        return _unfinished(budget, residual) & (steps < checked_steps)

    def advance(carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        state, steps, _ = carry
        state = run_steps(solver, lower, state, every)
        return state, steps + every, solver.residual(lower, state)

    start = solver.init(lower)
    unknown = jax.eval_shape(solver.residual, lower, start)
    carry = (start, jnp.zeros((), jnp.int32), jnp.full(unknown.shape, jnp.inf, unknown.dtype))
    state, steps, residual = jax.lax.while_loop(running, advance, carry)
    rest = budget.max_steps - checked_steps
    if rest:
        last = run_steps(solver, lower, state, rest)
        unfinished = _unfinished(budget, residual)
        state = jax.tree.map(lambda new, old: jnp.where(unfinished, new, old), last, state)
        steps = jnp.where(unfinished, steps + rest, steps)
        residual = solver.residual(lower, state)
    return finish(budget, solver.iterate(lower, state), state, steps, residual)


def run_steps(solver: Solver, lower: LowerLevel, state: Any, count: int) -> Any:
    """Make `count` iterations, a fixed number, so that every kind of differentiation can cross them."""
    return jax.lax.scan(lambda state, _: (solver.step(lower, state), None), state, length=count)[0]


def finish(
    budget: Budget, x: Float[Array, "..."], state: Any, steps: Int[Array, ""], residual: Float[Array, ""]
) -> Solution:
    """Say how a solve ended, given its last iterate, state and residual."""
    residual = jax.lax.stop_gradient(residual)
    finite = jnp.all(jnp.isfinite(x)) & jnp.isfinite(residual)
    ended = jnp.where(residual <= budget.tolerance, int(Outcome.CONVERGED), int(Outcome.MAX_STEPS))
    status = jnp.where(finite, ended, int(Outcome.NOT_FINITE)).astype(jnp.int32)
    return Solution(x, state, steps, residual, status)


def _unfinished(budget: Budget, residual: Any) -> Any:
    # NaN compares false: a solve that is no longer finite stops.
    return residual > budget.tolerance
