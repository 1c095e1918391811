"""The masking operator, for inpainting."""

from typing import Any, Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arrays.channels import spatial_shape
from ..arrays.normal import normal
from ..values.pytree import pytree
from ..values.validation import require_finite, require_floating
from .normal_stencil import Stencil, diagonal_stencil


@pytree
class Mask:
    """Keep the known entries of a signal or image: A x = mask * x.

    Args:
        mask: one where an entry is known, zero where it is missing; the shape of x, floating, since it is a
            leaf like any other. The channels of a colour image (h, w, 3) share a mask (h, w).

    Raises:
        TypeError: if `mask` is not a floating-point array.
        ValueError: if `mask` is not finite, or, when applied, if its shape is not that of the signal.
    """

    mask: Float[Array, "*shape"]

    def __post_init__(self) -> None:
        require_floating("mask", self.mask)
        require_finite("mask", self.mask)

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make a mask of random weights, float64."""
        return cls(normal(shape[:2], seed))

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Set the missing entries of `x` to zero."""
        return self._spread(x.shape) * x

    def adjoint(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Apply the mask again: a diagonal operator is its own adjoint."""
        return self._spread(r.shape) * r

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the largest squared entry of the mask."""
        del shape
        return jnp.max(jnp.square(self.mask))

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return r / (1 + tau mask^2)."""
        return r / (1 + tau * jnp.square(self._spread(r.shape)))

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return (0, 0) for images (h, w), else None."""
        return (0, 0) if len(shape) == 2 else None

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Stencil:
        """Return the squared mask."""
        return self.weighted_normal_stencil(jnp.ones(shape, dtype))

    def weighted_normal_stencil(self, weights: Float[Array, "h w"]) -> Stencil:
        """Return the weights times the squared mask."""
        return diagonal_stencil(jnp.square(self._spread(weights.shape)) * weights)

    def _spread(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        if spatial_shape(shape, self.mask.ndim) != tuple(self.mask.shape):
            raise ValueError(
                f"mask must have the signal's shape {tuple(shape)}; got {tuple(self.mask.shape)}"
            )
        return self.mask.reshape(self.mask.shape + (1,) * (len(shape) - self.mask.ndim))
