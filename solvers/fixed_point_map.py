"""The map whose fixed point is the solution: a forward step, and a backward one where there is a prox."""

from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..problems.regularizer import (
    EnergyRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    SmoothRegularizer,
)

Scale = float | Float[Array, ""]
"""A step size over 1/L: a number, or an array that can be traced and learned."""


def supports_map(lower: LowerLevel) -> str | None:
    """Return None if the regulariser has a gradient, an operator or a prox, else why there is no map."""
    if isinstance(lower.regularizer, SmoothRegularizer | OperatorRegularizer | ProximalRegularizer):
        return None
    name = type(lower.regularizer).__name__
    return f"{name} offers neither gradient, operator nor prox, so that there is no forward-backward map"


def supports_descent(lower: LowerLevel) -> str | None:
    """Return None if there is a map and an energy that it lowers, else why not."""
    if supports_map(lower) is None and not isinstance(lower.regularizer, EnergyRegularizer):
        return f"{type(lower.regularizer).__name__} has no energy, and this solver compares energies"
    return supports_map(lower)


def is_backward(lower: LowerLevel) -> bool:
    """Tell whether the regulariser enters by its prox: only where it has neither gradient nor operator."""
    return not isinstance(lower.regularizer, SmoothRegularizer | OperatorRegularizer)


def depends_on_step_size(lower: LowerLevel) -> bool:
    """Tell whether the fixed point itself depends on tau: that of a prox behind which no energy is known.

    A zero of a gradient or an operator is one for every tau, and so is a fixed point of a genuine prox. Of a
    denoiser in its place it is not.
    """
    return is_backward(lower) and not isinstance(lower.regularizer, EnergyRegularizer)


def map_step_size(lower: LowerLevel, scale: Scale) -> Float[Array, ""]:
    """Return tau = scale / L, L the Lipschitz constant of what steps forward.

    L = ||A||^2 + Lip(R) of R's gradient or operator, or ||A||^2 where R enters by its prox. Below scale = 2
    the map of a convex energy does not expand; without an energy that is not certain for any scale.

    1/L is a constant to differentiation, but where the fixed point depends on it: there its derivative by A's
    arrays belongs to the hypergradient. ||A||^2 is a maximum; where it is attained more than once, as by a
    mask of zeros and ones, it has a kink, and what is returned for it is one element of the generalised
    derivative.
    """
    shape = lower.shape
    lipschitz = lower.A.squared_norm(shape)
    if not is_backward(lower):
        regularizer = cast(SmoothRegularizer | OperatorRegularizer, lower.regularizer)
        lipschitz = lipschitz + regularizer.lipschitz(shape)
    lipschitz = jnp.asarray(lipschitz, lower.y.dtype)
    # Where nothing steps forward, as beside a prox when nothing is measured, any step will do.
    lipschitz = jnp.where(lipschitz > 0, lipschitz, jnp.ones_like(lipschitz))
    return scale / (lipschitz if depends_on_step_size(lower) else jax.lax.stop_gradient(lipschitz))


def forward(lower: LowerLevel, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Evaluate what a step follows: the gradient or operator of all, or of the data term beside a prox."""
    return lower.data_gradient(x) if is_backward(lower) else lower.operator(x)


def backward(lower: LowerLevel, z: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
    """Apply the regulariser's prox, if it enters by that."""
    return cast(ProximalRegularizer, lower.regularizer).prox(z, tau) if is_backward(lower) else z


def map_move(lower: LowerLevel, x: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
    """Return T(x) - x,  T(x) = prox(x - tau A^T (A x - y), tau)  or  x - tau (A^T (A x - y) + R(x)).

    Without a prox nothing is subtracted, so that the move keeps its digits near the solution.
    """
    step = tau * forward(lower, x)
    return backward(lower, x - step, tau) - x if is_backward(lower) else -step
