"""Whether a stationary point of an energy is a minimiser: the curvature there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.arrays.largest_eigenvalue import ritz_values
from ...problems.lower_level import LowerLevel

LANCZOS_STEPS = 100
NEGATIVE = 1e-8
"""A smallest eigenvalue below minus so many times the largest is negative, and not zero up to rounding."""


class Curvature(NamedTuple):
    """The ends of the spectrum of an energy's Hessian at a point, in the energy's unit."""

    smallest: Float[Array, ""]
    largest: Float[Array, ""]

    @property
    def is_saddle(self) -> Bool[Array, ""]:
        """Tell whether the energy falls along some direction, so that a stationary point is no minimiser."""
        return self.smallest < -NEGATIVE * jnp.abs(self.largest)


def dense_curvature(lower: LowerLevel, x: Float[Array, "*shape"]) -> Curvature:
    """Return the ends of the spectrum from the Hessian as a matrix.

    Args:
        lower: smooth energy.
        x: of so few unknowns that a square matrix of them can be built.
    """
    matrix = jax.jacfwd(lower.gradient)(x).reshape(x.size, x.size)
    return _ends(jnp.linalg.eigvalsh((matrix + matrix.T) / 2))


def lanczos_curvature(lower: LowerLevel, x: Float[Array, "*shape"]) -> Curvature:
    """Approximate the ends of the spectrum by `LANCZOS_STEPS` products with the Hessian.

    The smallest value found lies above the smallest eigenvalue: where it is negative the point is certainly a
    saddle; one whose negative eigenvalue is close to zero, beside many others, can be missed.
    """
    return _ends(ritz_values(lambda v: jax.jvp(lower.gradient, (x,), (v,))[1], x, LANCZOS_STEPS))


def _ends(eigenvalues: Float[Array, " n"]) -> Curvature:
    return Curvature(jnp.min(eigenvalues), jnp.max(eigenvalues))
