"""Normal matrices of operators that couple near pixels only: for each pixel a few entries round it.

In a stencil S of shape (2 r + 1, 2 c + 1, h, w) the entry in the row of pixel (i + d, j + e), circularly, and
the column of pixel (i, j) is S[r + d, c + e, i, j].
"""

import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float

Stencil = Float[Array, "down across h w"]


def diagonal_stencil(values: Float[Array, "h w"]) -> Stencil:
    """Return the stencil of a diagonal matrix."""
    return values[None, None]


def circulant_stencil(response: Float[Array, "h w"], reach: tuple[int, int]) -> Stencil:
    """Return the stencil of a circulant matrix from its response to a unit impulse at index (0, 0)."""
    down, across = (np.arange(-one, one + 1) for one in reach)
    entries = response[np.ix_(down % response.shape[0], across % response.shape[1])]
    return jnp.broadcast_to(entries[..., None, None], (*entries.shape, *response.shape))


def bank_stencil(filters: Float[Array, "k s s"], mode: str, weights: Float[Array, "k h w"]) -> Stencil:
    """Return the stencil of W^T diag(weights) W, W a bank that pads images in a mode of `numpy.pad`."""
    if mode in ("wrap", "constant"):
        return _unfolded(filters, mode, weights)
    beyond = _sees_beyond(filters.shape[1], weights.shape[1:])
    inside = jnp.where(beyond, jnp.zeros_like(weights), weights)
    return _add_folded(_unfolded(filters, "constant", inside), filters, mode, weights)


def _unfolded(filters: Float[Array, "k s s"], mode: str, weights: Float[Array, "k h w"]) -> Stencil:
    """Add up pairs of taps, column by column: what the tap (a, b) sees from (i, j) is (i + a, j + b) - c."""
    size, (height, width) = filters.shape[1], weights.shape[1:]
    reach, low, high = size - 1, (size - 1) // 2, size // 2
    room = jnp.pad(weights, [(0, 0), (high, low), (high, low)], mode=mode)
    total = jnp.zeros((2 * reach + 1, 2 * reach + 1, height, width), weights.dtype)
    for a, b in np.ndindex(size, size):
        seen_from = room[:, reach - a : reach - a + height, reach - b : reach - b + width]
        products = filters * filters[:, a : a + 1, b : b + 1]
        values = jnp.einsum("kpq,khw->pqhw", products, seen_from, precision=Precision.HIGHEST)
        total = total.at[reach - a : reach - a + size, reach - b : reach - b + size].add(values)
    if mode == "wrap":
        return total
    apart = np.arange(-reach, reach + 1)[:, None]
    down, across = ((apart + np.arange(n) >= 0) & (apart + np.arange(n) < n) for n in (height, width))
    return jnp.where(down[:, None, :, None] & across[None, :, None, :], total, jnp.zeros_like(total))


def _add_folded(
    total: Stencil, filters: Float[Array, "k s s"], mode: str, weights: Float[Array, "k h w"]
) -> Stencil:
    """Add what responses that see beyond the border contribute, at the pixels that the padding repeats."""
    size, (height, width) = filters.shape[1], weights.shape[1:]
    low, high = (size - 1) // 2, size // 2
    padded = np.pad(np.arange(height * width).reshape(height, width), (low, high), mode)  # pyright: ignore
    rows, columns = np.nonzero(_sees_beyond(size, (height, width)))
    taps = np.arange(size)
    under = padded[rows + taps[:, None, None], columns + taps[:, None]].reshape(size * size, -1)
    flat = filters.reshape(len(filters), -1)
    values = jnp.einsum("kp,kq,ki->pqi", flat, flat, weights[:, rows, columns], precision=Precision.HIGHEST)
    i, j = np.divmod(under, width)
    down, across = i[:, None] - i + size - 1, j[:, None] - j + size - 1
    return total.at[down, across, np.broadcast_to(i, down.shape), np.broadcast_to(j, down.shape)].add(values)


def _sees_beyond(size: int, shape: tuple[int, ...]) -> np.ndarray:
    low, high = (size - 1) // 2, size // 2
    inside = [(low <= np.arange(n)) & (np.arange(n) < n - high) for n in shape]
    return ~np.logical_and.outer(*inside)
