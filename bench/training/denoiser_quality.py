"""How good a denoiser is on photographs that it was not trained on."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64
from skimage.restoration import denoise_tv_chambolle

from ...problems.ground_truth import Split
from ...problems.ground_truths.photographs import Photographs
from ...problems.networks.drunet import Drunet
from ...problems.networks.network import Parameters
from .denoiser_training import estimate
from .settings import Goal

LEVELS = (0.05, 0.1)
"""Noise levels, in the unit of the image."""
SHAPE, COUNT = (128, 128), 16
WEIGHTS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2)
"""Of total variation; the best is chosen on the photographs for training."""


@dataclass(frozen=True)
class Quality:
    """Mean PSNR (dB, peak 1) over test crops at one noise level: noisy, total variation, the network."""

    level: float
    noisy: float
    total_variation: float
    network: float

    def sentence(self) -> str:
        """Say it in words."""
        return (
            f"noise {self.level:g}: PSNR {self.noisy:.2f} dB noisy, {self.total_variation:.2f} dB by total "
            f"variation, {self.network:.2f} dB by the network"
        )


def quality(goal: Goal, network: Drunet, parameters: Parameters) -> tuple[Quality, ...]:
    """Measure a network against total variation on 16 crops of photographs for testing, at two levels."""
    return tuple(_at_level(goal, network, parameters, level) for level in LEVELS)


def _at_level(goal: Goal, network: Drunet, parameters: Parameters, level: float) -> Quality:
    clean, noisy = _crops("test", level)
    denoised = [
        _denoised(goal, network, parameters, jnp.asarray(y, jnp.float32), jnp.float32(level)) for y in noisy
    ]
    return Quality(
        level,
        _psnr(noisy, clean),
        _psnr(_total_variation(noisy, _best_weight(level)), clean),
        _psnr(np.asarray(denoised, np.float64), clean),
    )


_denoised = jax.jit(estimate, static_argnums=(0, 1))


def _crops(split: Split, level: float) -> tuple[Float64[np.ndarray, "n h w"], Float64[np.ndarray, "n h w"]]:
    clean = Photographs().sample(SHAPE, COUNT, 0, split)
    return clean, clean + level * np.random.default_rng([0, 13]).normal(size=clean.shape)


@functools.cache
def _best_weight(level: float) -> float:
    clean, noisy = _crops("train", level)
    return max(WEIGHTS, key=lambda weight: _psnr(_total_variation(noisy, weight), clean))


def _total_variation(noisy: Float64[np.ndarray, "n h w"], weight: float) -> Float64[np.ndarray, "n h w"]:
    return np.stack([denoise_tv_chambolle(y, weight=weight) for y in noisy])


def _psnr(denoised: Float64[np.ndarray, "n h w"], clean: Float64[np.ndarray, "n h w"]) -> float:
    errors = np.mean(np.square(denoised - clean), axis=(1, 2))
    return float(np.mean(-10 * np.log10(errors)))
