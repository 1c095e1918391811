"""Restarted Jacobian-free differentiation: free restarts, then a few layers on tape."""

from typing import Any

import jax
import jax.numpy as jnp

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solve import Ended, certificate_of, finish, first_state, run_steps
from ...solvers.solver import RestartingSolver, Solution, Solver, StartPoint
from ..memory_of_start import memory_of_start
from ..method import Backward, Outer, require_supported
from ..method_traits import MethodTraits
from ..step_map import connected, no_step_derivative, run_differentiated


@configuration
class Restarted:
    """Run blocks of `layers` steps, each from the last one's iterate, and differentiate the last block.

    With R + 1 blocks (`budget.max_steps` = (R + 1) `layers`; a remainder goes first) and a contraction factor
    rho the gradient's error falls like rho^layers and the iterate's like rho^((R + 1) layers). One layer is
    `OneStep`; one block is unrolling. The tolerance stops nothing here. Solvers that carry momentum drop it
    at each restart; others go on. Source: Davy, Briceno-Arias and Pustelnik, 2025 (ReTune).

    Args:
        layers: steps of a block, L.

    Raises:
        ValueError: if `layers` is below 1.
    """

    layers: int = 10
    traits = MethodTraits(exact=False, uses_every_step=True)

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers must be at least 1; got {self.layers}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if reverse mode can cross the solver's step, else why not."""
        del lower
        return no_step_derivative(solver)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with a fixed number of steps."""
        require_supported(self, solver, lower)
        state, layers = self._taped(solver, budget, lower, start)
        state = run_differentiated(solver, lower, state, layers)
        ended = Ended(state, jnp.asarray(budget.max_steps, jnp.int32), solver.residual(lower, state))
        certificate = certificate_of(solver, lower, state)
        return finish(budget, lower, solver.iterate(lower, state), ended, certificate)

    def account(self, solver: Solver, budget: Budget, lower: LowerLevel, outer: Outer) -> Backward:
        """Return what the last block leaves of the adjoint equation; costs a gradient."""
        taped = self._taped(solver, budget, lower, None)
        return Backward(memory_of_start(solver, lower, *taped, outer))

    def _taped(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
    ) -> tuple[Any, int]:
        """Return where the last block begins, and how many steps it has."""
        layers = min(self.layers, budget.max_steps)
        free, rest = divmod(budget.max_steps - layers, layers)
        held = jax.lax.stop_gradient(lower)

        def block(state: Any, _: None) -> tuple[Any, None]:
            return begin_anew(solver, held, run_steps(solver, held, state, layers)), None

        # With one block nothing precedes what is differentiated, and the start is part of it.
        state = first_state(solver, held if free or rest else lower, jax.lax.stop_gradient(start))
        if rest:
            state = begin_anew(solver, held, run_steps(solver, held, state, rest))
        if free or rest:
            state = jax.lax.stop_gradient(jax.lax.scan(block, state, length=free)[0])
            state = connected(solver, lower, state)
        return state, layers


def begin_anew(solver: Solver, lower: LowerLevel, state: Any) -> Any:
    """Return the state of a solver that has just begun where this one is."""
    return solver.restart(lower, state) if isinstance(solver, RestartingSolver) else state
