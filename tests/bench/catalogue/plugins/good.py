"""An example plug-in: a solver and a differentiation rule that keep their contracts."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import LowerLevel, SmoothRegularizer, configuration
from hypergrad_bench.solvers import (
    Budget,
    PrimalDualPair,
    Solution,
    Solver,
    SolverTraits,
    gradient_residual,
    solve,
)


class HeavyBallState(NamedTuple):
    """The iterate, the one before it, and the constant step size."""

    x: jax.Array
    previous: jax.Array
    step_size: jax.Array


@configuration
class HeavyBall:
    """Add a share of the last move to every gradient step. Source: Polyak, 1964."""

    momentum: float = 0.5
    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return None if isinstance(lower.regularizer, SmoothRegularizer) else "it follows gradients"

    def init(self, lower: LowerLevel) -> HeavyBallState:
        """Start at A^T y at rest."""
        x = lower.A.adjoint(lower.y) / lower.A.squared_norm(lower.shape)
        lipschitz = lower.A.squared_norm(x.shape) + lower.regularizer.lipschitz(x.shape)
        return HeavyBallState(x, x, jax.lax.stop_gradient(jnp.asarray(1 / lipschitz, x.dtype)))

    def step(self, lower: LowerLevel, state: HeavyBallState) -> HeavyBallState:
        """Take one step."""
        move = self.momentum * (state.x - state.previous)
        x = state.x - state.step_size * lower.gradient(state.x) + move
        return HeavyBallState(x, state.x, state.step_size)

    def iterate(self, lower: LowerLevel, state: HeavyBallState) -> jax.Array:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: HeavyBallState) -> jax.Array:
        """Return the relative gradient norm."""
        return gradient_residual(lower, state.x)


@configuration
class Truncated:
    """Solve, and differentiate through a few more steps from there. Source: Shaban et al., 2019."""

    steps: int = 20
    traits = MethodTraits(exact=False)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for smooth energies and a step that reverse mode can cross, else why not."""
        if not isinstance(lower.regularizer, SmoothRegularizer):
            return "at a kink a few steps do not show the slope of the solution"
        if solver.traits.differentiable_step:
            return None
        return "its step holds a loop that reverse mode cannot cross"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve the lower level."""
        solution = jax.lax.stop_gradient(solve(solver, budget, jax.lax.stop_gradient(lower), start))

        def advance(state: Any, _: None) -> tuple[Any, None]:
            return solver.step(lower, state), None

        state = jax.lax.scan(advance, solution.state, length=self.steps)[0]
        return solution._replace(x=solver.iterate(lower, state))
