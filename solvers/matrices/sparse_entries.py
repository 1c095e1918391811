"""The entries of W^T diag(d) W where each output sees a few pixels only."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float, Int

from ...problems.linear_operator import LinearOperator
from ...problems.operators.blur import Blur
from ...problems.operators.filter_bank import PAD_MODES, FilterBank
from ...problems.operators.forward_differences import ForwardDifferences
from ...problems.operators.identity import Identity
from ...problems.operators.mask import Mask

Entries = tuple[Int[np.ndarray, "..."], Int[np.ndarray, "..."], Float[Array, "..."]]
"""Row, column and value; several of one place add up, and an index past the last pixel is dropped."""


def reach_of(operator: LinearOperator, shape: tuple[int, ...]) -> int | None:
    """Return how many rows apart two pixels can be that the normal matrix couples; None where all are."""
    if len(shape) != 2:
        return None
    if isinstance(operator, Identity | Mask):
        return 1
    if isinstance(operator, FilterBank):
        return operator.filters.shape[1] - 1
    if isinstance(operator, ForwardDifferences):
        return 1
    if isinstance(operator, Blur):
        return operator.kernel.shape[0] - 1
    return None


def impulse_response(operator: LinearOperator, shape: tuple[int, ...], dtype: object) -> Float[Array, "..."]:
    """Return A^T A of a unit impulse at index 0: of a blur, the kernel's autocorrelation."""
    impulse = jnp.zeros(shape, dtype).at[(0,) * len(shape)].set(1)  # pyright: ignore
    return operator.adjoint(operator(impulse))


def data_entries(operator: Identity | Mask | Blur, shape: tuple[int, ...], dtype: object) -> Entries:
    """Return the entries of A^T A for an image (h, w)."""
    pixels = np.arange(math.prod(shape))
    if isinstance(operator, Identity):
        return pixels, pixels, jnp.ones(pixels.size, dtype)  # pyright: ignore
    if isinstance(operator, Mask):
        return pixels, pixels, jnp.square(operator.mask).ravel()
    response = impulse_response(operator, shape, operator.kernel.dtype)
    reaches = [min(size - 1, length // 2) for size, length in zip(operator.kernel.shape, shape, strict=True)]
    # Where the autocorrelation wraps round onto itself its far ends are one offset, not two.
    spans = [
        np.arange(-reach, reach + 1 if 2 * reach < length else reach)
        for reach, length in zip(reaches, shape, strict=True)
    ]
    down, across = (offset.ravel() for offset in np.meshgrid(*spans, indexing="ij"))
    i, j = np.divmod(pixels, shape[1])
    columns = (i + down[:, None]) % shape[0] * shape[1] + (j + across[:, None]) % shape[1]
    values = response[down % shape[0], across % shape[1]]
    return np.broadcast_to(pixels, columns.shape), columns, jnp.broadcast_to(values[:, None], columns.shape)


def bank_of(operator: LinearOperator, shape: tuple[int, ...], dtype: Any) -> FilterBank | None:
    """Return the filter bank that an operator is on images of this shape, None where it is none."""
    if isinstance(operator, ForwardDifferences) and len(shape) > 1:
        return operator.bank(dtype)
    return operator if isinstance(operator, FilterBank) else None


def filter_bank_entries(
    bank: FilterBank, shape: tuple[int, ...], weights: Float[Array, "k *shape"]
) -> Entries:
    """Return, for each pair of taps (p, q) and output i, sum_k f_k[p] f_k[q] weights_k[i]."""
    size, (height, width) = bank.filters.shape[1], shape[:2]
    outside = math.prod(shape)
    low, high = (size - 1) // 2, size // 2
    mode = PAD_MODES[bank.boundary]
    filling = {"constant_values": outside} if mode == "constant" else {}
    room = ((low, high), (low, high), *((0, 0) for _ in shape[2:]))
    pixels = np.pad(np.arange(outside).reshape(shape), room, mode, **filling)  # pyright: ignore
    # The pixel under each tap, for each output.
    under = np.stack([pixels[a : a + height, b : b + width] for a in range(size) for b in range(size)])
    under = under.reshape(size * size, -1)
    taps = bank.filters.reshape(bank.filters.shape[0], -1)
    flat = weights.reshape(taps.shape[0], -1)
    values = jnp.einsum("kp,kq,ki->pqi", taps, taps, flat, precision=Precision.HIGHEST)
    rows = np.broadcast_to(under[:, None], values.shape)
    return rows, np.broadcast_to(under[None], values.shape), values
