"""Unrolled differentiation: reverse mode through the iterations."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..problems.configuration import configuration
from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solve import Ended, certificate_of, finish, first_state, run_steps
from ..solvers.solver import Solution, Solver
from .method import require_supported


@configuration
class Unrolled:
    """Run exactly `budget.max_steps` iterations and differentiate through all of them.

    The derivative is the iterate's, not the solution's; it tends to the solution's as the budget grows, often
    more slowly than the iterate does. Plain unrolling stores every state. With `checkpoint_every = c` only
    every c-th is stored and the steps between are computed twice; c near the square root of the budget stores
    least. The tolerance stops nothing here: reverse mode needs a fixed number of steps.
    Source: Domke, 2012; Griewank and Walther, 2008 (checkpointing).

    Args:
        checkpoint_every: None, or how many steps lie between stored states.

    Raises:
        ValueError: if `checkpoint_every` is below 1.
    """

    checkpoint_every: int | None = None
    uses_every_step: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise ValueError(f"checkpoint_every must be at least 1; got {self.checkpoint_every}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if reverse mode can cross the solver's step, else why not."""
        del lower
        if getattr(solver, "differentiable_step", True):
            return None
        return f"{type(solver).__name__}'s step holds a loop that reverse mode cannot cross"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve the lower level with a fixed number of steps."""
        require_supported(self, solver, lower)
        segment = min(self.checkpoint_every or budget.max_steps, budget.max_steps)
        count, rest = divmod(budget.max_steps, segment)

        def advance(state: Any, steps: int) -> Any:
            return run_steps(solver, lower, state, steps)

        stored = advance if self.checkpoint_every is None else jax.checkpoint(advance, static_argnums=1)
        first = first_state(solver, lower, jax.lax.stop_gradient(start))
        state = jax.lax.scan(lambda s, _: (stored(s, segment), None), first, length=count)[0]
        if rest:
            state = stored(state, rest)
        steps = jnp.asarray(budget.max_steps, jnp.int32)
        ended = Ended(state, steps, solver.residual(lower, state))
        return finish(budget, solver.iterate(lower, state), ended, certificate_of(solver, lower, state))
