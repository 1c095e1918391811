"""Go on with a solve from where it ended, to a tolerance that is only known at run time."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..problems.lower_level import LowerLevel
from .budget import Budget
from .solve import Ended, run_steps, steps_between_looks
from .solver import Solver


def continue_solve(
    solver: Solver, budget: Budget, lower: LowerLevel, ended: Ended, tolerance: Float[Array, ""]
) -> Ended:
    """Iterate on from a solver's state until the relative residual is at most `tolerance`, an array.

    The steps made before count: together they are at most `budget.max_steps`, and the residual is looked at
    once in `budget.check_every` of them. The budget's own tolerance is not used. A state that is good enough
    stays as it is; an infinite tolerance makes no step. Composes with `jit` and `vmap`.
    """
    every = steps_between_looks(solver, budget)

    def running(ended: Ended) -> Bool[Array, ""]:
        # NaN compares false: a solve that is no longer finite stops.
        return (ended.residual > tolerance) & (ended.steps + every <= budget.max_steps)

    def advance(ended: Ended) -> Ended:
        state: Any = run_steps(solver, lower, ended.state, every)
        return Ended(state, ended.steps + every, solver.residual(lower, state))

    return jax.lax.while_loop(running, advance, ended)


def not_begun(solver: Solver, lower: LowerLevel) -> Ended:
    """Return a solver's first state, after no step, with its residual."""
    state = solver.init(lower)
    return Ended(state, jnp.zeros((), jnp.int32), solver.residual(lower, state))
