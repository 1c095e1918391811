"""The weights that trainings start from: tied and untied ones are one model."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from .dense_experts import random_matrix
from .equilibrium import SharedWeights
from .rows import TIED
from .settings import DTYPE, SIDE, DigitSetting, FaceSetting, TrainedSetting

_APART = 0.01
"""Of the faces' filters over those of total variation: seeds would else have one start."""


def first_weights(setting: TrainedSetting, model: str, seed: int) -> SharedWeights:
    """Return a random matrix for digits, differences for faces; C is A, or a copy of it that is free."""
    if isinstance(setting, DigitSetting):
        drawn, biases = random_matrix(SIDE * SIDE, seed)
    else:
        drawn = _nearly_differences(setting, seed)
        biases = np.zeros(len(drawn))
    analysis = jnp.asarray(drawn, DTYPE)
    return SharedWeights(analysis, None if model == TIED else analysis, jnp.asarray(biases, DTYPE))


def _nearly_differences(setting: FaceSetting, seed: int) -> Float64[np.ndarray, "k s s"]:
    """Return differences down and across in the middle of two filters, a little noise everywhere."""
    side, middle = setting.side, setting.side // 2
    filters = np.random.default_rng([seed, 47]).normal(0, _APART, (setting.filters, side, side))
    for filter_, (down, across) in zip(filters, ((1, 0), (0, 1)), strict=False):
        filter_[middle, middle] -= 1
        filter_[middle + down, middle + across] += 1
    return filters
