"""Differences to the next sample, with nothing across the border: the operator of total variation."""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ..arrays.channels import is_colour
from ..values.pytree import pytree
from .filter_bank import FilterBank
from .normal_stencil import Stencil


@pytree
class ForwardDifferences:
    """Take the difference to the next sample along each axis of space, zero at its end.

    Of an image (h, w) two images, (W x)_0[i, j] = x[i + 1, j] - x[i, j] down and (W x)_1[i, j] = x[i, j + 1]
    - x[i, j] across; of a signal (n,) one; the channels of a colour image (h, w, 3) lie along the last axis.
    At the far border differences are zero (Neumann's condition). It has no leaves: unlike a bank of the same
    two filters with the boundary "replicate" it cannot be learned, and no gradient by filters comes back,
    which the zero rows at the border make a kink. Source: Rudin, Osher and Fatemi, 1992; Chambolle, 2004,
    for this discretisation.

    Raises:
        ValueError: when applied, if x is no signal or image.
    """

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "axes *shape"]:
        """Return the differences along each axis, stacked in front."""
        x = jnp.asarray(x)
        axes = range(_axes_of_space(x.shape))
        return jnp.stack([jnp.diff(x, axis=axis, append=_last(x, axis)) for axis in axes])

    def adjoint(self, r: Float[Array, "axes *shape"]) -> Float[Array, "*shape"]:
        """Return the sum over the axes of r[i - 1] - r[i], without r at the far border."""
        r = jnp.asarray(r)
        axes = _axes_of_space(r.shape[1:])
        if r.shape[0] != axes:
            raise ValueError(f"differences must have shape {(axes, *r.shape[1:])}; got {tuple(r.shape)}")
        return sum((_divided_back(r[axis], axis) for axis in range(axes)), jnp.zeros_like(r[0]))

    def squared_norm(self, shape: tuple[int, ...]) -> float:
        """Return the sum over the axes of 4 cos(pi / (2 n))^2, n their lengths: exact, at most 4 per axis."""
        return sum(4 * math.cos(math.pi / (2 * side)) ** 2 for side in shape[: _axes_of_space(shape)])

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return (1, 1) for images (h, w), else None."""
        return (1, 1) if len(shape) == 2 else None

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Stencil:
        """Return the stencil of Laplace's operator with Neumann's condition."""
        return self.weighted_normal_stencil(jnp.ones((2, *shape), dtype))

    def weighted_normal_stencil(self, weights: Float[Array, "2 h w"]) -> Stencil:
        """Return the stencil of the bank."""
        return self.bank(weights.dtype).weighted_normal_stencil(weights)

    def bank(self, dtype: Any) -> FilterBank:
        """Return the filter bank that does the same to images (h, w) and (h, w, 3)."""
        down, across = [[-1, 0], [1, 0]], [[-1, 1], [0, 0]]
        return FilterBank(jnp.asarray([down, across], dtype), "replicate")


def _axes_of_space(shape: tuple[int, ...]) -> int:
    if len(shape) in (1, 2) or is_colour(shape):
        return min(len(shape), 2)
    raise ValueError(
        f"differences need a signal (n,) or an image (h, w) or (h, w, 3); got shape {tuple(shape)}"
    )


def _last(x: Array, axis: int) -> Array:
    return lax.slice_in_dim(x, x.shape[axis] - 1, None, axis=axis)


def _divided_back(r: Array, axis: int) -> Array:
    """Transpose the difference along one axis."""
    inner = lax.slice_in_dim(r, 0, r.shape[axis] - 1, axis=axis)
    room = [(1, 1) if number == axis else (0, 0) for number in range(r.ndim)]
    return -jnp.diff(jnp.pad(inner, room), axis=axis)
