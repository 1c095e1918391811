"""A circulant approximation of a linear system's inverse."""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problems.values.configuration import configuration
from .linear_solver import Matvec


@runtime_checkable
class Preconditioner(Protocol):
    """A way to approximate the inverse of a system that is given as a function."""

    def invert(self, matvec: Matvec, like: Float[Array, "*shape"]) -> Matvec:
        """Return a map that is close to the inverse of `matvec`, symmetric positive definite if that is."""
        ...


@configuration
class CirculantPreconditioner:
    """Invert the circulant matrix whose response is the mean of some columns, each moved to the origin.

    Close where the system is alike everywhere: convolutions with weights that vary little. Its spectrum is
    made real and kept above `floor` times its largest value, so that it is symmetric positive definite.
    Source: Chan, 1988 (nearest circulant matrix, here from a sample of columns).

    Args:
        columns: how many, spread over the pixels.
        floor: smallest value of the spectrum over the largest.

    Raises:
        ValueError: if `columns` is below 1 or `floor` is not in (0, 1).
    """

    columns: int = 8
    floor: float = 1e-4

    def __post_init__(self) -> None:
        if self.columns < 1 or not 0 < self.floor < 1:
            raise ValueError(
                f"columns must be at least 1 and floor in (0, 1); got {self.columns} and {self.floor}"
            )

    def invert(self, matvec: Matvec, like: Float[Array, "*shape"]) -> Matvec:
        """Take the columns and return the inverse of their circulant mean."""
        count = min(self.columns, like.size)
        pixels = (np.arange(count) * like.size) // count + like.size // (2 * count)
        axes = tuple(range(like.ndim))

        def centred(pixel: Array) -> Array:
            place = jnp.unravel_index(pixel, like.shape)
            column = matvec(jnp.zeros_like(like).at[place].set(1))
            return jnp.roll(column, jnp.negative(jnp.stack(place)), axes)

        response = jnp.mean(jax.lax.map(centred, jnp.asarray(pixels)), axis=0)
        spectrum = jnp.real(jnp.fft.fftn(response))
        spectrum = jnp.maximum(spectrum, self.floor * jnp.max(spectrum))
        inverse = (1 / spectrum).astype(jnp.fft.fftn(response).dtype)
        return lambda v: jnp.real(jnp.fft.ifftn(jnp.fft.fftn(v) * inverse))
