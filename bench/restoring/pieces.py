"""The lower levels that restore an image: one for all of it, or one for each channel."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...problems.arrays.channels import CHANNELS, is_colour
from ...problems.lower_level import LowerLevel
from ...problems.operators.cropped import Cropped
from ...problems.regularizer import (
    EnergyRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    Regularizer,
)
from ...problems.task import Task
from ...problems.tasks.magnetic_resonance import MagneticResonance
from ...problems.tasks.super_resolution import SuperResolution
from ..errors import UserError
from ..machine.device_memory import memory_limit

HELD = 4
"""Images in float64 that a solve holds at least: measurement, iterate, gradient and step."""
MULTIPLES = (1, 2, 4, 8, 16, 32)
"""What the sides of a canvas are multiples of, tried in this order."""

Shape = tuple[int, ...]


class Pieces(NamedTuple):
    """An image to restore, as lower levels.

    Attributes:
        lowers: one, or one for each channel.
        shape: of the image, (h, w) or (h, w, 3).
        canvas: the sides of what is solved for, larger than the image where the regulariser needs that.
    """

    lowers: tuple[LowerLevel, ...]
    shape: Shape
    canvas: tuple[int, int]

    @property
    def by_channel(self) -> bool:
        """Tell whether each channel of a colour image is restored by itself."""
        return len(self.lowers) > 1

    def joined(self, images: list[Float[np.ndarray, "..."]]) -> Float[np.ndarray, "..."]:
        """Return the image that the solutions of the lower levels make."""
        parts = [image[: self.shape[0], : self.shape[1]] for image in images]
        return np.stack(parts, axis=-1) if self.by_channel else parts[0]

    def notes(self) -> list[str]:
        """Say in sentences what was done so that image and regulariser fit."""
        notes = []
        if self.by_channel:
            notes.append("the regulariser is for grey images: the three channels are restored one by one")
        if self.canvas != self.shape[:2]:
            sizes = " x ".join(map(str, self.shape[:2])), " x ".join(map(str, self.canvas))
            notes.append(f"the regulariser does not take {sizes[0]} pixels: it is solved for {sizes[1]}, cut")
        return notes


def pieces(task: Task, y: Float[np.ndarray, "..."], regularizer: Regularizer, seed: int) -> Pieces:
    """Set up what restores an image from its measurement, in the precision of the regulariser's arrays.

    A regulariser that does not take colour restores channel by channel. One that does not take the sides,
    such as wavelets those that no power of two divides, gets a larger canvas of which the image is measured.

    Args:
        task: how the measurement was made.
        y: the measurement.
        regularizer: with its parameters.
        seed: of what is random in the operator.

    Raises:
        UserError: if measurement, task and regulariser do not fit together.
    """
    shape = image_shape(task, y.shape)
    _require_memory(shape)
    regularizer, dtype = in_one_precision(regularizer)
    for part in (shape, shape[:2]) if is_colour(shape) else (shape,):
        if canvas := _canvas(regularizer, part, dtype):
            try:
                levels = _lower_levels(task, np.asarray(y, dtype), regularizer, seed, (part, canvas))
            except (ValueError, TypeError) as error:
                raise UserError(str(error)) from error
            return Pieces(levels, shape, canvas)
    raise UserError(
        f"{type(regularizer).__name__} does not take an image of shape {shape}: "
        f"{refusal(regularizer, shape, dtype)}"
    )


def _require_memory(shape: Shape) -> None:
    """Raise `UserError` if what a solve holds of an image needs more memory than one program may take."""
    needed, limit = HELD * 8 * math.prod(shape), memory_limit()
    if needed > limit:
        raise UserError(
            f"an image of shape {shape} needs {needed / 2**30:.3g} GiB at least; the limit is "
            f"{limit / 2**30:.3g} GiB"
        )


def image_shape(task: Task, shape: Shape) -> Shape:
    """Return the shape of the image behind a measurement of this shape.

    Raises:
        UserError: if it is no image's.
    """
    if isinstance(task, MagneticResonance):
        image = shape[:-1] if len(shape) > 2 and shape[-1] == 2 else ()
    elif isinstance(task, SuperResolution) and len(shape) > 1:
        image = (task.factor * shape[0], task.factor * shape[1], *shape[2:])
    else:
        image = shape
    if len(image) != 2 and not is_colour(image):
        wanted = "(h, w, 2) or (h, w, 3, 2)" if isinstance(task, MagneticResonance) else "(h, w) or (h, w, 3)"
        raise UserError(f"the measurement has shape {tuple(shape)}; {wanted} is accepted")
    return tuple(image)


def in_one_precision(regularizer: Regularizer) -> tuple[Regularizer, Any]:
    """Return a regulariser with all its arrays in float32 if all of them are, else in float64; and which."""
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(regularizer)}
    dtype = jnp.dtype("float32") if dtypes == {jnp.dtype("float32")} else jnp.dtype("float64")
    return jax.tree.map(lambda leaf: leaf.astype(dtype), regularizer), dtype


def refusal(regularizer: Regularizer, shape: Shape, dtype: Any) -> str | None:
    """Return None if a regulariser takes images of this shape, else its own reason; nothing is computed."""
    try:
        jax.eval_shape(_use, regularizer, jax.ShapeDtypeStruct(shape, dtype))
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def _use(regularizer: Any, x: Any) -> Any:
    if isinstance(regularizer, EnergyRegularizer):
        return regularizer.value(x)
    if isinstance(regularizer, OperatorRegularizer):
        return regularizer.operator(x)
    if isinstance(regularizer, ProximalRegularizer):
        return regularizer.prox(x, jnp.ones((), x.dtype))
    raise TypeError(f"{type(regularizer).__name__} offers neither value, operator nor prox")


def _canvas(regularizer: Regularizer, shape: Shape, dtype: Any) -> tuple[int, int] | None:
    """Return the sides of the smallest canvas that the regulariser takes, None if there is none."""
    for multiple in MULTIPLES:
        height, width = (multiple * math.ceil(side / multiple) for side in shape[:2])
        if refusal(regularizer, (height, width, *shape[2:]), dtype) is None:
            return height, width
    return None


def _lower_levels(
    task: Task, y: np.ndarray, regularizer: Regularizer, seed: int, shapes: tuple[Shape, tuple[int, int]]
) -> tuple[LowerLevel, ...]:
    part, canvas = shapes
    A: Any = task.operator(part, seed)
    A = jax.tree.map(lambda leaf: leaf.astype(y.dtype), A)
    by_channel = len(part) == 2 and y.ndim > 2 and y.shape[2] == CHANNELS
    ys = [y[:, :, channel] for channel in range(CHANNELS)] if by_channel else [y]
    measured = jax.eval_shape(A, jax.ShapeDtypeStruct(part, y.dtype)).shape
    if measured != ys[0].shape:
        raise UserError(f"the measurement has shape {y.shape}; {task!r} makes {measured} of {part}")
    A = A if canvas == part[:2] else Cropped(A, (part[0], part[1]), canvas)
    return tuple(LowerLevel(A, jnp.asarray(one), regularizer) for one in ys)
