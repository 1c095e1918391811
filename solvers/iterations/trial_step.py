"""Whether a step along a direction lowers the energy enough, and how long the next one is tried otherwise."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .energy_slack import energy_slack

_ENOUGH = 1e-4
"""Of the fall that the slope at the start promises; the usual constant, delta of the source."""
_LEAST, _MOST = 0.1, 0.5
"""A step that was refused is shortened by a factor between these."""
SHORTEST = 1e-6
"""A direction along which the energy falls for no length above it is given up."""


class Slope(NamedTuple):
    """The energy at one end of a step, and its derivative along the step's direction."""

    energy: Float[Array, ""]
    along: Float[Array, ""]


def is_enough(start: Slope, end: Slope, length: Float[Array, ""]) -> Bool[Array, ""]:
    """Tell whether a step of so many times the direction lowers the energy enough.

    Armijo's condition; or, where the energies differ by rounding alone, what it says of slopes for a
    quadratic: that at the end is at most (2 delta - 1) times that at the start. A direction that leads
    upwards is never enough, and neither is an end that is not finite.
    Source: Hager and Zhang, 2005, equations 4 and T2 (approximate Wolfe conditions).
    """
    fallen = end.energy <= start.energy + _ENOUGH * length * start.along
    equal = end.energy <= start.energy + energy_slack(start.energy)
    flat = end.along <= (2 * _ENOUGH - 1) * start.along
    # NaN compares false.
    return (start.along <= 0) & jnp.isfinite(end.along) & (fallen | (equal & flat))


def shorter(start: Slope, end: Slope, length: Float[Array, ""]) -> Float[Array, ""]:
    """Return a shorter step: where a line through both slopes is zero, a tenth to half of the length.

    A tenth where the end is not finite.
    """
    rise = end.along - start.along
    usable = jnp.isfinite(rise) & (rise > 0)
    share = -start.along / jnp.where(usable, rise, jnp.ones_like(rise))
    share = jnp.where(usable, jnp.clip(share, _LEAST, _MOST), _LEAST)
    return share * length
