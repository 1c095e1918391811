"""The l1 norm of the cosine transforms of all blocks, set up in one call."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from ...operators.filter_bank import FilterBank
from .analysis_l1 import AnalysisL1


def block_dct(weight: Float[Array, "..."] | float = 0.02, size: int = 8) -> AnalysisL1:
    """Return the l1 norm of the discrete cosine transforms of all blocks of an image, at every shift.

    R(x) = weight sum_kij |(W x)_kij|, W a bank of the orthonormal transform's basis images over `size`, but
    the constant one, which costs nothing. All shifts are counted, so that no edges of blocks show; away from
    the border W^T W is the identity less the blocks' means. For images (h, w) and (h, w, 3), continued by
    their last pixels. The filters are leaves and can be learned.
    Source: Ahmed, Natarajan and Rao, 1974; Coifman and Donoho, 1995 (all shifts).

    Args:
        weight: see `AnalysisL1`.
        size: pixels along the side of a block, at least 2.

    Raises:
        ValueError: if `size` is less than 2, or `weight` is negative or does not fit.
    """
    if not isinstance(size, int) or size < 2:
        raise ValueError(f"size must be a whole number, at least 2; got {size!r}")
    return AnalysisL1(FilterBank(jnp.asarray(_basis_images(size) / size), "replicate"), weight)


def _basis_images(size: int) -> Float64[np.ndarray, "k s s"]:
    """Return the basis images of the orthonormal transform of type 2 without the first, which is constant."""
    frequency, place = np.arange(size)[:, None], np.arange(size) + 0.5
    rows = np.sqrt(2 / size) * np.cos(np.pi * frequency * place / size)
    rows[0] /= np.sqrt(2)
    return np.einsum("ki,lj->klij", rows, rows).reshape(size * size, size, size)[1:]
