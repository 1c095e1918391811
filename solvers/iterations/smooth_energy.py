"""Smooth energies: which lower levels have one, and its value and gradient in units of its own."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import EnergyRegularizer, SmoothRegularizer


def supports_smooth(lower: LowerLevel) -> str | None:
    """Return None if the energy has a Lipschitz-continuous gradient, else why not."""
    if isinstance(lower.regularizer, SmoothRegularizer):
        return None
    name = type(lower.regularizer).__name__
    if not isinstance(lower.regularizer, EnergyRegularizer):
        return f"{name} has no energy, and this solver follows an energy's gradient"
    return f"{name} is not smooth, and this solver follows gradients"


def scaled_energy(
    lower: LowerLevel, x: Float[Array, "*shape"], tau: Float[Array, ""], size: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
    """Return f(z) = tau E(size z) / size^2 and its gradient at z = x / size.

    With size = tau ||A^T y|| numbers are of the order of one, whatever the units of x and of the energy.
    """
    return tau / jnp.square(size) * lower.value(x), tau / size * lower.gradient(x)
