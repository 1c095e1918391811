"""Regularisers that everybody knows, whose one weight is tuned on images for training."""

from collections.abc import Callable
from types import MappingProxyType

import jax.numpy as jnp

from ...problems.regularizer import Regularizer
from ...problems.regularizers.sparse.block_dct import block_dct
from ...problems.regularizers.sparse.total_variation import total_variation
from ...problems.regularizers.sparse.wavelet_l1 import WaveletL1
from ..errors import UserError, nearest

LEVELS = 4
FREE = 1e-9
"""Of the details' weight: the approximation's, which costs nothing to speak of."""


def _wavelets() -> WaveletL1:
    """Return the l1 norm of orthonormal wavelet details (db4, periodic), all weights one."""
    detail = jnp.zeros((LEVELS, 3, 1), jnp.float64)
    return WaveletL1(detail, jnp.full(1, jnp.log(FREE), jnp.float64))


BASELINES: MappingProxyType[str, Callable[[], Regularizer]] = MappingProxyType(
    {
        "tv": lambda: total_variation(jnp.asarray(1.0)),
        "tv-isotropic": lambda: total_variation(jnp.asarray(1.0), isotropic=True),
        "dct": lambda: block_dct(jnp.asarray(1.0)),
        "wavelets": _wavelets,
    }
)
"""With weight one: anisotropic and isotropic total variation with Neumann's condition, cosine transforms of
all blocks of 8 x 8, orthonormal wavelets. The channels of a colour image are restored one by one, or add up,
which is the same."""


def baseline(name: str) -> Regularizer:
    """Return a baseline with weight one; raise `UserError` for an unknown name."""
    if name not in BASELINES:
        raise UserError(nearest(name, BASELINES, kind="baseline"))
    return BASELINES[name]()
