"""Networks trained to denoise, as the regularisers begin."""

import functools
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems.ground_truth import GroundTruth
from ....problems.networks.drunet import Drunet
from ....problems.networks.network import Parameters
from ...measure.untimed import untimed
from ...training.denoiser_training import estimate, start_training, train
from ...training.settings import Goal, Training
from .problem import ElderSize
from .restoring import mean_psnr

LEVEL = 0.1
"""The noise level at which a network is judged; it is trained on 0 to 0.2."""


class PretrainedNetwork(NamedTuple):
    """A network's parameters, float32, and mean PSNRs (dB) of test crops at `LEVEL`: noisy and denoised."""

    parameters: Parameters
    noisy: float
    denoised: float


@functools.lru_cache(maxsize=16)
def pretrained(
    goal: Goal, size: ElderSize, sources: tuple[GroundTruth, ...], truths: GroundTruth, seed: int
) -> PretrainedNetwork:
    """Train a network for its goal; all tasks share it."""
    training = replace(Training(), goal=goal, steps=size.pretraining, side=size.side, seed=seed)
    state = start_training(training, size.network)
    for following, _ in train(training, size.network, state, sources):
        state = following
    clean = truths.sample((size.side, size.side), size.tests, seed, "test")
    noisy = clean + LEVEL * np.random.default_rng([seed, 16]).normal(size=clean.shape)
    denoised = _denoised(goal, size.network, state.parameters, jnp.asarray(noisy, jnp.float32))
    return PretrainedNetwork(state.parameters, mean_psnr(noisy, clean), mean_psnr(denoised, clean))


@functools.partial(untimed, static=(0, 1))
def _denoised(
    goal: Goal, network: Drunet, parameters: Parameters, noisy: Float[Array, "crops h w"]
) -> Float[Array, "crops h w"]:
    level = jnp.asarray(LEVEL, noisy.dtype)
    return jax.vmap(lambda y: estimate(goal, network, parameters, y, level))(noisy)
