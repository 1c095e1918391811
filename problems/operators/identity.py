"""The identity operator, for denoising."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..values.pytree import pytree
from .normal_stencil import Stencil, diagonal_stencil


@pytree
class Identity:
    """Map a signal or image to itself: A x = x."""

    @property
    def is_circulant(self) -> bool:
        """Yes."""
        return True

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return `x`."""
        return x

    def adjoint(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return `r`."""
        return r

    def squared_norm(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def smallest_square(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return r / (1 + tau)."""
        return r / (1 + tau)

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return (0, 0) for images (h, w), else None."""
        return (0, 0) if len(shape) == 2 else None

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Stencil:
        """Return ones."""
        return diagonal_stencil(jnp.ones(shape, dtype))

    def weighted_normal_stencil(self, weights: Float[Array, "h w"]) -> Stencil:
        """Return the weights."""
        return diagonal_stencil(weights)
