"""What the solvers of smooth energies share."""

from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..problems.regularizer import EnergyRegularizer, SmoothRegularizer


def supports_smooth(lower: LowerLevel) -> str | None:
    """Return None if the energy has a Lipschitz-continuous gradient, else why not."""
    if isinstance(lower.regularizer, SmoothRegularizer):
        return None
    name = type(lower.regularizer).__name__
    if not isinstance(lower.regularizer, EnergyRegularizer):
        return f"{name} has no energy, and this solver follows an energy's gradient"
    return f"{name} is not smooth, and this solver follows gradients"


def step_size(lower: LowerLevel) -> Float[Array, ""]:
    """Return 1 / L, L = ||A||^2 + Lip(R) of R's gradient or operator, a constant to differentiation."""
    shape = lower.shape
    regularizer = cast(SmoothRegularizer, lower.regularizer)
    lipschitz = lower.A.squared_norm(shape) + regularizer.lipschitz(shape)
    return jax.lax.stop_gradient(jnp.asarray(1 / lipschitz, lower.y.dtype))
