"""A plug-and-play iteration whose step size is learned beside its denoiser."""

from typing import Self

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ....problems import LowerLevel
from ....problems.regularizers.denoisers.denoiser import Denoiser
from ....problems.values.configuration import configuration
from ....problems.values.pytree import pytree
from ....problems.values.validation import all_nonnegative
from ....solvers.fixed_point_map import map_move, map_step_size
from ....solvers.iterations.first_iterate import first_iterate
from ....solvers.iterations.map_residual import map_residual
from ....solvers.iterations.picard import PicardState
from ....solvers.solver_traits import SolverTraits

SIGMA, STEP_SCALE = 0.2, 0.5
"""Where training starts: there the iteration contracts on all three tasks, with the shipped weights."""


@pytree
class SteppedDenoiser:
    """Put a denoiser in the place of a proximal operator, with the step size of the iteration beside it.

    The fixed point is  x = N(x - s / ||A||^2 A^T (A x - y)),  which depends on s: it is a parameter of the
    model, and not of the solver alone. Source: Davy, Briceno-Arias and Pustelnik, 2025 (plug-and-play model).

    Args:
        denoiser: N, with its noise level.
        step_scale: s, one number, not negative.
    """

    denoiser: Denoiser
    step_scale: Float[Array, ""]

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from the shipped denoiser; nothing is random."""
        del seed
        return cls.of(Denoiser.shipped(shape))

    @classmethod
    def of(cls, denoiser: Denoiser) -> Self:
        """Start from a denoiser, at the noise level and the step size of `SIGMA` and `STEP_SCALE`."""
        sigma, step_scale = jnp.asarray(SIGMA, jnp.float64), jnp.asarray(STEP_SCALE, jnp.float64)
        return cls(Denoiser(denoiser.parameters, sigma, denoiser.network), step_scale)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether neither the noise level nor the step size is negative."""
        return all_nonnegative(self.denoiser.sigma, self.step_scale)

    def prox(self, x: Float[Array, "*shape"], step: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Denoise; the step size is in what is denoised."""
        del step
        return self.denoiser(x)


@configuration
class LearnedStep:
    """Iterate as `Picard` does, with the step size that a `SteppedDenoiser` holds.

    So the step size is a leaf of the lower level, by which every rule differentiates, implicit ones too.
    """

    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None where the regulariser holds a step size, else why not."""
        if isinstance(lower.regularizer, SteppedDenoiser):
            return None
        return f"{type(lower.regularizer).__name__} holds no step size"

    def init(self, lower: LowerLevel) -> PicardState:
        """Start at A^T y / ||A||^2."""
        return PicardState(first_iterate(lower), map_step_size(lower, _scale(lower)))

    def step(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Apply the map."""
        return state._replace(x=state.x + map_move(lower, state.x, state.step_size))

    def apply_map(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Replace the iterate by T(x): the step is nothing else."""
        return self.step(lower, state)

    def with_step_size(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Make the step size anew, from the regulariser."""
        return state._replace(step_size=map_step_size(lower, _scale(lower)))

    def iterate(self, lower: LowerLevel, state: PicardState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: PicardState) -> Float[Array, ""]:
        """Return the relative move of the map."""
        return map_residual(lower, state.x, state.step_size, _scale(lower))


def _scale(lower: LowerLevel) -> Float[Array, ""]:
    # No `Picard` is made of it: its check of a number would compare one that is known, inside of a trace.
    assert isinstance(lower.regularizer, SteppedDenoiser)
    return lower.regularizer.step_scale
