"""Unrolled differentiation: reverse mode through the iterations."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solve import Ended, certificate_of, finish, first_state, run_steps
from ...solvers.solver import MapSolver, Solution, Solver, StartPoint
from ..memory_of_start import memory_of_start
from ..method import Backward, Outer, require_supported
from ..method_traits import MethodTraits
from ..step_map import connected, no_step_derivative, run_differentiated


@configuration
class Unrolled:
    """Run exactly `budget.max_steps` iterations and differentiate through all of them.

    The derivative is the iterate's, not the solution's; it tends to the solution's as the budget grows, often
    more slowly than the iterate does. Plain unrolling stores every state. With `checkpoint_every = c` only
    every c-th is stored and the steps between are computed twice; c near the square root of the budget stores
    least of these. "recursive" halves the steps again and again: about log2(budget) states are stored and
    each step is computed as often. With `last = k` only the last k steps are differentiated, from a state
    that is held: the error then falls like rho^k, rho the contraction factor; where a solver accelerates a
    map, those are the map's own steps. The tolerance stops nothing here: reverse mode needs a fixed number of
    steps. A small residual of the iterate says nothing of the derivative; `account` does.
    Source: Domke, 2012; Griewank and Walther, 2008 (checkpointing); Shaban et al., 2019 (truncation).

    Args:
        checkpoint_every: None, how many steps lie between stored states, or "recursive".
        last: None, or how many steps are differentiated.

    Raises:
        ValueError: if `checkpoint_every` is neither "recursive" nor at least 1, or `last` is below 1.
    """

    checkpoint_every: int | Literal["recursive"] | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        every = self.checkpoint_every
        if every is not None and every != "recursive" and (isinstance(every, str) or every < 1):
            raise ValueError(f"checkpoint_every must be None, 'recursive' or at least 1; got {every!r}")
        if self.last is not None and self.last < 1:
            raise ValueError(f"last must be None or at least 1; got {self.last}")

    @property
    def traits(self) -> MethodTraits:
        """Exact where all steps are differentiated; whatever the tolerance, all are made."""
        return MethodTraits(exact=self.last is None, uses_every_step=True)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if reverse mode can cross the solver's step, else why not."""
        del lower
        if self.last is not None:
            return no_step_derivative(solver)
        if solver.traits.differentiable_step:
            return None
        if isinstance(solver, MapSolver):
            return f"{type(solver).__name__}'s accelerated steps have no derivative at the solution"
        return f"{type(solver).__name__}'s step holds a loop that reverse mode cannot cross"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with a fixed number of steps."""
        require_supported(self, solver, lower)
        state = self._run(solver, lower, *self._taped(solver, budget, lower, start))
        steps = jnp.asarray(budget.max_steps, jnp.int32)
        ended = Ended(state, steps, solver.residual(lower, state))
        certificate = certificate_of(solver, lower, state)
        return finish(budget, lower, solver.iterate(lower, state), ended, certificate)

    def account(self, solver: Solver, budget: Budget, lower: LowerLevel, outer: Outer) -> Backward:
        """Return what the steps that are differentiated leave of the adjoint equation; costs a gradient."""
        taped = self._taped(solver, budget, lower, None)
        return Backward(memory_of_start(solver, lower, *taped, outer))

    def _taped(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
    ) -> tuple[Any, int]:
        """Return where the differentiated steps begin, and how many they are."""
        taped = min(self.last or budget.max_steps, budget.max_steps)
        state = first_state(solver, lower, jax.lax.stop_gradient(start))
        if taped < budget.max_steps:
            held = jax.lax.stop_gradient((lower, state))
            state = jax.lax.stop_gradient(run_steps(solver, *held, budget.max_steps - taped))
            state = connected(solver, lower, state)
        return state, taped

    def _run(self, solver: Solver, lower: LowerLevel, state: Any, count: int) -> Any:
        """Make `count` steps that reverse mode crosses, with the checkpoints asked for."""

        def advance(state: Any, steps: int) -> Any:
            return run_differentiated(solver, lower, state, steps)

        stored = jax.checkpoint(advance, static_argnums=1)
        if self.checkpoint_every is None:
            return advance(state, count)
        if self.checkpoint_every == "recursive":
            return _halve(advance, state, count)
        segment = min(self.checkpoint_every, count)
        state = jax.lax.scan(lambda s, _: (stored(s, segment), None), state, length=count // segment)[0]
        return stored(state, count % segment) if count % segment else state


def _halve(advance: Callable[[Any, int], Any], state: Any, count: int) -> Any:
    """Run both halves of `count` steps, each stored as its first state only, and halved again."""
    if count <= 2:
        return advance(state, count)
    half = jax.checkpoint(lambda state: _halve(advance, state, count // 2))
    state = jax.lax.scan(lambda s, _: (half(s), None), state, length=2)[0]
    return advance(state, 1) if count % 2 else state
