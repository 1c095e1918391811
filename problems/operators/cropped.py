"""An operator that sees a part of a larger image."""

from typing import Any, Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arrays.channels import is_colour
from ..linear_operator import LinearOperator
from ..values.pytree import pytree, static
from .identity import Identity


@pytree
class Cropped:
    """Cut an image out of a larger one at its top left, and apply an operator: A x = inner(x[:h, :w]).

    What lies outside is not measured. So an image can be restored whose sides a regulariser does not take,
    such as those that a power of two must divide: on a canvas that it does take. Images (H, W) and (H, W, 3).

    Args:
        inner: the operator on the image.
        shape: of the image, (h, w); static.
        canvas: of the larger image, (H, W); static.

    Raises:
        TypeError: if `inner` is no linear operator.
        ValueError: if `shape` and `canvas` are not two positive whole numbers each, or the canvas is smaller,
            or, when applied, if x or r has another size.
    """

    inner: LinearOperator
    shape: tuple[int, int] = static()
    canvas: tuple[int, int] = static()

    def __post_init__(self) -> None:
        if not isinstance(self.inner, LinearOperator):
            raise TypeError(f"inner must be a linear operator; got {type(self.inner).__name__}")
        sizes = (*self.shape, *self.canvas)
        whole = len(sizes) == 4 and all(isinstance(side, int) and side > 0 for side in sizes)
        if not whole or self.canvas[0] < self.shape[0] or self.canvas[1] < self.shape[1]:
            raise ValueError(
                "shape and canvas must be (h, w) and (H, W), whole numbers, the canvas not smaller; "
                f"got {self.shape!r} and {self.canvas!r}"
            )

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Cut off the last row and the last two columns.

        Raises:
            ValueError: if there is no image of this shape to cut.
        """
        del seed
        if (len(shape) != 2 and not is_colour(shape)) or shape[0] < 2 or shape[1] < 3:
            raise ValueError(f"an image (h, w) or (h, w, 3) of 2 x 3 pixels can be cut; got shape {shape}")
        return cls(Identity(), (shape[0] - 1, shape[1] - 2), (shape[0], shape[1]))

    def __call__(self, x: Float[Array, "rows columns *channels"]) -> Float[Array, "..."]:
        """Apply the operator to the part of `x`."""
        if tuple(x.shape[:2]) != self.canvas:
            raise ValueError(f"the canvas has sides {self.canvas}; got shape {tuple(x.shape)}")
        return self.inner(x[: self.shape[0], : self.shape[1]])

    def adjoint(self, r: Float[Array, "..."]) -> Float[Array, "rows columns *channels"]:
        """Apply the adjoint, and put zeros around what it gives."""
        part = self.inner.adjoint(r)
        if tuple(part.shape[:2]) != self.shape:
            raise ValueError(f"the image has sides {self.shape}; the measurement is of {tuple(part.shape)}")
        room = [(0, larger - side) for side, larger in zip(self.shape, self.canvas, strict=True)]
        return jnp.pad(part, room + [(0, 0)] * (part.ndim - 2))

    def squared_norm(self, shape: tuple[int, ...]) -> Any:
        """Bound the squared norm by that of the operator on the part."""
        return self.inner.squared_norm((*self.shape, *shape[2:]))
