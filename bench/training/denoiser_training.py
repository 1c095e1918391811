"""Training a small denoiser or potential on photographs: resumable, and the same for the same seed."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...problems.ground_truth import GroundTruth
from ...problems.ground_truths.photographs import Photographs
from ...problems.networks.drunet import Drunet
from ...problems.networks.network import Parameters
from ..errors import UserError, unwritable
from ..records.durable import replace_durably
from .settings import Goal, Training

EVEN, FLOOR = 0.1, 0.03
"""Squared errors weigh EVEN^2 / (sigma^2 + FLOOR^2): else those at much noise would drown the others."""
PHOTOGRAPHS = (Photographs(1), Photographs(2))


class TrainingState(NamedTuple):
    """The steps that are done, the parameters, and Adam's state, float32."""

    step: int
    parameters: Parameters
    moments: Any


def start_training(training: Training, network: Drunet) -> TrainingState:
    """Draw the parameters with which training begins: of a denoiser, a map near the identity."""
    drawn = network.init(training.seed)
    if training.goal == "denoiser":
        drawn = _near_identity(drawn)
    parameters = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), drawn)
    return TrainingState(0, parameters, _optimizer(training).init(parameters))


def _near_identity(parameters: Parameters) -> Parameters:
    """Let the image pass through channel 0 of the finest scale, and what is added to it start small."""
    head, tail = (parameters[name]["kernel"] for name in ("head", "tail"))
    passed = {
        "head": {"kernel": head.at[..., 0].set(0).at[1, 1, 0, 0].set(1)},
        "tail": {"kernel": tail.at[1, 1, 0].add(jnp.eye(1, tail.shape[-1], dtype=tail.dtype)[0])},
        "up1_0": {"kernel": 0.1 * parameters["up1_0"]["kernel"]},
    }
    return {**parameters, **passed}


def train(
    training: Training, network: Drunet, state: TrainingState, sources: Sequence[GroundTruth] = PHOTOGRAPHS
) -> Iterator[tuple[TrainingState, float]]:
    """Yield the state after every step to the last, with the weighted squared error of its batch.

    Every source of images gives an equal share of a batch; the last one gives what is left over too.
    """
    step, parameters, moments = state
    # A step does not depend on the seed: trainings from several share a program.
    of_any_seed = replace(training, seed=0)
    while step < training.steps:
        clean, noisy, sigma = _batch(training, step, sources)
        parameters, moments, error = _update(of_any_seed, network, parameters, moments, clean, noisy, sigma)
        step += 1
        yield TrainingState(step, parameters, moments), float(error)


def estimate(
    goal: Goal, network: Drunet, parameters: Parameters, y: Float[Array, "h w"], sigma: Float[Array, ""]
) -> Float[Array, "h w"]:
    """Denoise: N(y), or y - J_N(y)^T 1."""
    denoised = partial(network.apply, parameters, sigma=sigma)
    if goal == "denoiser":
        return denoised(y)
    image, back = jax.vjp(denoised, y)
    return y - back(jnp.ones_like(image))[0]


def save_state(path: Path, training: Training, network: Drunet, state: TrainingState) -> None:
    """Write all that training needs to go on, whole or not at all.

    Raises:
        UserError: if the file cannot be written; what was written before is as it was.
    """
    leaves = {f"{index}": np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(state[1:]))}
    about = {"training": _settings(training, network), "step": str(state.step)}
    try:
        replace_durably(path, save(leaves, metadata=about))
    except OSError as error:
        raise unwritable(path, error) from error


def load_state(path: Path, training: Training, network: Drunet) -> TrainingState:
    """Read what `save_state` wrote.

    Raises:
        UserError: if the file is damaged, or was written with other settings.
    """
    like = jax.eval_shape(lambda: start_training(training, network))
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            leaves = [jnp.asarray(file.get_tensor(f"{index}")) for index in range(len(file.keys()))]
    # Numbers that numpy lacks end as an AttributeError.
    except (OSError, SafetensorError, AttributeError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}; delete it to start again") from error
    if about.get("training") != _settings(training, network):
        raise UserError(
            f"{path} holds a training with other settings: {about.get('training')}; give the same, "
            "or another --out"
        )
    parameters, moments = jax.tree.unflatten(jax.tree.structure(like[1:]), leaves)
    return TrainingState(int(about["step"]), parameters, moments)


def _settings(training: Training, network: Drunet) -> str:
    return json.dumps({"network": repr(network), **asdict(training)})


def _optimizer(training: Training) -> optax.GradientTransformation:
    warm = min(100, training.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(
        0.1 * training.rate, training.rate, warm, training.steps, 0.01 * training.rate
    )
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))


# Settings are values: training that goes on where it was stopped compiles nothing again.
@partial(jax.jit, static_argnums=(0, 1))
def _update(
    training: Training, network: Drunet, parameters: Parameters, moments: Any, *batch: Array
) -> tuple[Parameters, Any, Array]:
    error, gradient = jax.value_and_grad(partial(_error, training, network))(parameters, *batch)
    changes, moments = _optimizer(training).update(gradient, moments, parameters)
    moved: Any = optax.apply_updates(parameters, changes)
    return moved, moments, error


def _error(
    training: Training,
    network: Drunet,
    parameters: Parameters,
    clean: Float[Array, "batch h w"],
    noisy: Float[Array, "batch h w"],
    sigma: Float[Array, " batch"],
) -> Float[Array, ""]:
    denoised = jax.vmap(partial(estimate, training.goal, network, parameters))(noisy, sigma)
    errors = jnp.mean(jnp.square(denoised - clean), axis=(1, 2))
    return jnp.mean(errors * EVEN**2 / (jnp.square(sigma) + FLOOR**2))


def _batch(training: Training, step: int, sources: Sequence[GroundTruth]) -> tuple[Array, Array, Array]:
    """Draw the crops of a step, turned and mirrored at random, and their noise."""
    shape, share = (training.side, training.side), training.batch // len(sources)
    seed = int(np.random.SeedSequence([training.seed, step, 11]).generate_state(1)[0])
    generator = np.random.default_rng([training.seed, step, 12])
    counts = [share] * (len(sources) - 1) + [training.batch - share * (len(sources) - 1)]
    samples = [
        source.sample(shape, count, seed) for source, count in zip(sources, counts, strict=True) if count
    ]
    clean = np.stack([_turned(crop, int(generator.integers(8))) for crop in np.concatenate(samples)])
    sigma = generator.uniform(0, training.sigma, len(clean))
    noisy = clean + sigma[:, None, None] * generator.normal(size=clean.shape)
    as_single: Callable[[np.ndarray], Array] = partial(jnp.asarray, dtype=jnp.float32)
    return as_single(clean), as_single(noisy), as_single(sigma)


def _turned(crop: np.ndarray, way: int) -> np.ndarray:
    turned = np.rot90(crop, way % 4)
    return turned[::-1] if way >= 4 else turned
