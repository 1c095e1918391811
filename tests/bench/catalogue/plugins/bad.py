"""An example plug-in with two defects that a check must find: a sign error, and a wrong adjoint."""

import jax
import jax.numpy as jnp

from hypergrad_bench.hypergrad import Backward, Implicit, MethodTraits, Solved, solve_with_adjoint
from hypergrad_bench.problems import LowerLevel, configuration, pytree
from hypergrad_bench.solvers import Budget, PrimalDualPair, Solution, Solver


@configuration
class WrongSign:
    """Implicit differentiation without the minus sign of the theorem."""

    traits = MethodTraits()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return Implicit().supports(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: jax.Array) -> tuple[LowerLevel, Backward]:
        """Return the negative of the gradient."""
        gradient, backward = Implicit().backward(solved, cotangent)
        return jax.tree.map(jnp.negative, gradient), backward


@pytree
class Shift:
    """Move a signal by one sample; its adjoint moves it the same way, and should move it back."""

    scale: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shift."""
        return self.scale * jnp.roll(x, 1)

    def adjoint(self, r: jax.Array) -> jax.Array:
        """Shift the same way again, which is wrong."""
        return self.scale * jnp.roll(r, 1)

    def squared_norm(self, shape: tuple[int, ...]) -> jax.Array:
        """Return the squared scale."""
        del shape
        return self.scale**2


@configuration
class Shifting:
    """A task whose operator has a wrong adjoint."""

    noise: float = 0.1

    def operator(self, shape: tuple[int, ...], seed: int) -> Shift:
        """Return the operator."""
        del shape, seed
        return Shift(jnp.ones((), jnp.float64))
