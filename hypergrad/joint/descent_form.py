"""Gradient descent on a smooth energy, with its adjoint."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import PreparedRegularizer
from ...solvers.fixed_point_map import map_step_size
from .joint_iteration import JointForm


class DescentState(NamedTuple):
    """A point and its adjoint, both of the shape of x."""

    x: Float[Array, "..."]
    v: Float[Array, "..."]


def descent_form(lower: LowerLevel, unit: Float[Array, "*shape"]) -> JointForm:
    """Return the iteration  x+ = x - tau grad E(x),  v+ = v - tau (H(x) v - g),  tau = 1/L.

    v tends to H(x*)^{-1} g. A step costs a gradient and a product with the Hessian.

    Args:
        lower: of a smooth energy.
        unit: g, of norm one.
    """
    if isinstance(lower.regularizer, PreparedRegularizer):
        lower = lower.replace(regularizer=lower.regularizer.prepared())
    tau = map_step_size(lower, 1.0)

    def slopes(state: DescentState) -> tuple[Array, Array]:
        return jax.jvp(lower.gradient, (state.x,), (state.v,))

    def advance(state: DescentState) -> DescentState:
        gradient, product = slopes(state)
        return DescentState(state.x - tau * gradient, state.v - tau * (product - unit))

    return JointForm(
        advance,
        lambda state: (state, euclidean_norm(slopes(state)[1] - unit)),
        lambda state: state.v / tau,
    )


def descent_start(x: Float[Array, "*shape"], guess: Float[Array, "*shape"] | None) -> DescentState:
    """Begin at a point, with the adjoint at a guess, or at zero."""
    return DescentState(x, jnp.zeros_like(x) if guess is None else guess)
