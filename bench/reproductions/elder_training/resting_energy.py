"""Forward-backward steps that end where the energy rests."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ....problems import LowerLevel
from ....problems.arrays.euclidean_norm import euclidean_norm
from ....problems.values.configuration import configuration
from ....solvers import ForwardBackward
from ....solvers.iterations.forward_backward import ForwardBackwardState
from ....solvers.residuals import gradient_scale
from ....solvers.solver_traits import SolverTraits

BESIDE, ALONE = 1e-4, 1e-2
"""Shares of the move that count beside the change of the energy, and without it."""


class RestingState(NamedTuple):
    """Where the steps are, and what the last one did.

    Attributes:
        inner: of `ForwardBackward`.
        change: of the energy, over the energy before; infinite where the move is one of rounding.
        move: of x, over the step size and ||A^T y||; the residual before it where it is one of rounding.
    """

    inner: ForwardBackwardState
    change: Float[Array, ""]
    move: Float[Array, ""]


@configuration
class RestingEnergy:
    """Make the steps of `ForwardBackward` until the energy F rests, or its gradient is small.

    With c = |F(x) - F(x+)| / |F(x)| and m = ||x+ - x|| / (tau ||A^T y||), a relative gradient norm, the
    residual is  min(max(c, 1e-4 m), 1e-2 m).  At a tolerance of 1e-6 it is met by c alone at 1e-6, as with
    the authors, but only where m is at most 1e-2, since backtracking can make steps so small that c says
    nothing; or by m alone at 1e-4. Where a step is so small that rounding alone may have moved x, if anything
    did, m is the residual of `steps` where it began, such as the relative gradient norm, and counts alone.
    Caveat: in directions in which F is flat both say little.
    Source: Zou et al., 2023 (ELDER's released code).

    Args:
        steps: of which kind.
    """

    steps: ForwardBackward = ForwardBackward(step_scale=16.0)
    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for an energy with a gradient or a prox, else why not."""
        return self.steps.supports(lower)

    def init(self, lower: LowerLevel) -> RestingState:
        """Start as the steps do; nothing rests yet."""
        inner = self.steps.init(lower)
        moving = jnp.full_like(inner.energy, jnp.inf)
        return RestingState(inner, moving, moving)

    def step(self, lower: LowerLevel, state: RestingState) -> RestingState:
        """Make a step, and see what it did."""
        before, after = state.inner, self.steps.step(lower, state.inner)
        smallest = jnp.finfo(before.energy.dtype).tiny
        change = jnp.abs(before.energy - after.energy) / jnp.maximum(jnp.abs(before.energy), smallest)
        length = euclidean_norm(after.x - before.x)
        move = length / (after.step_size * gradient_scale(lower))
        rounded = length <= jnp.finfo(length.dtype).eps * euclidean_norm(before.x)
        # The gradient there is the one that was stepped along: a compiled step has it once.
        gradient = self.steps.residual(lower, before)
        return RestingState(after, jnp.where(rounded, jnp.inf, change), jnp.where(rounded, gradient, move))

    def iterate(self, lower: LowerLevel, state: RestingState) -> Float[Array, "..."]:
        """Return the iterate."""
        return self.steps.iterate(lower, state.inner)

    def residual(self, lower: LowerLevel, state: RestingState) -> Float[Array, ""]:
        """Return what is met first, of change and move."""
        del lower
        both = jnp.maximum(state.change, BESIDE * state.move)
        return jnp.minimum(both, ALONE * state.move)
