"""Train one model, solve for all its equilibria, and look at the map under every step size."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ....solvers import Outcome
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite
from .equilibrium import EquilibriumModel, MeasuredImages, SharedWeights, contraction, equilibrium
from .image_sets import ImageSplit
from .rows import EquilibriumTrainingRow, StepSizeRow
from .settings import DTYPE, EVALUATION, PLAIN, TRAINING, TrainedSetting
from .starts import first_weights
from .step_counts import ending, step_counts
from .training import Schedule, train_weights

TAUS = (0.01, 0.1, 0.9, 1.1, 2.1)
"""The authors' step sizes."""
LOOKED_AT = 100
"""Test images at which the map is looked at."""


class Equilibria(NamedTuple):
    """How the solves of many measurements ended, and their squared errors, one number for each."""

    squared_error: Float[np.ndarray, " count"]
    outcome: Int[np.ndarray, " count"]
    steps: Int[np.ndarray, " count"]

    @property
    def solved(self) -> int:
        """How many reached the tolerance."""
        return int(np.sum(self.outcome == int(Outcome.CONVERGED)))

    @property
    def missed(self) -> int:
        """How many stopped at their limit."""
        return int(np.sum(self.outcome == int(Outcome.MAX_STEPS)))

    @property
    def diverged(self) -> int:
        """How many did neither."""
        return len(self.outcome) - self.solved - self.missed

    @property
    def mean_steps(self) -> float | None:
        """The mean over those that reached it; None for none."""
        return float(np.mean(self.steps[self.outcome == int(Outcome.CONVERGED)])) if self.solved else None

    @property
    def error(self) -> float | None:
        """The mean squared error; None if one has gone away, which is not averaged in."""
        return None if self.diverged else finite(np.mean(self.squared_error, dtype=np.float64))


class TrainingTask(NamedTuple):
    """A setting with its images, a seed, and how long is trained."""

    setting: TrainedSetting
    images: ImageSplit
    seed: int
    schedule: Schedule


def measure_training(
    task: TrainingTask, model: str, quick: bool
) -> tuple[EquilibriumTrainingRow, SharedWeights]:
    """Train from the seed's start, and evaluate it on all training and test images."""
    setting, seed = task.setting, task.seed
    training = measured(setting, task.images.training, seed, 0)
    testing = measured(setting, task.images.testing, seed, 1)
    first = first_weights(setting, model, seed)
    trained = train_weights(setting.model(TRAINING), first, training, task.schedule, seed)
    batch = task.schedule.batch
    evaluated = setting.model(EVALUATION)
    before, after = (
        [equilibria(evaluated, weights, data, batch) for data in (training, testing)]
        for weights in (first, trained.weights)
    )
    factors = _contraction(evaluated, trained.weights, _some(testing))
    diverged, missed = sum(one.diverged for one in after), sum(one.missed for one in after)
    status, reason = ending(trained.account, diverged, missed)
    row: EquilibriumTrainingRow = {
        "what": "training",
        "quick": quick,
        "setting": setting.name,
        "source": task.images.name,
        "task": setting.task,
        "noise": setting.noise,
        "tau": setting.tau,
        "gamma": setting.gamma,
        "model": model,
        "seed": seed,
        "status": status.value,
        "reason": reason,
        "training_images": len(training.y),
        "test_images": len(testing.y),
        "epochs": task.schedule.epochs,
        **step_counts(trained, task.schedule.epochs),
        "measured_error": float(jnp.mean(jnp.square(testing.y - testing.truths))),
        "first_training_error": before[0].error,
        "first_test_error": before[1].error,
        "training_error": after[0].error,
        "test_error": after[1].error,
        "missed_equilibria": missed,
        "diverged_equilibria": diverged,
        "contraction": finite(np.mean(factors)),
        "largest_contraction": finite(np.max(factors)),
    }
    return row, trained.weights


def measure_step_sizes(
    task: TrainingTask, model: str, weights: SharedWeights, quick: bool
) -> list[StepSizeRow]:
    """Look at the map of trained weights under the authors' step sizes, on some test images."""
    data = _some(measured(task.setting, task.images.testing, task.seed, 1))
    rows = []
    for tau in TAUS:
        accelerated, plain = (_with_tau(task.setting.model(ways), tau) for ways in (EVALUATION, PLAIN))
        factors = _contraction(accelerated, weights, data)
        found, alone = (equilibria(one, weights, data, len(data.y)) for one in (accelerated, plain))
        row: StepSizeRow = {
            "what": "step size",
            "quick": quick,
            "setting": task.setting.name,
            "model": model,
            "seed": task.seed,
            "status": (Status.DIVERGED if alone.diverged or found.diverged else Status.OK).value,
            "reason": "; ".join(
                f"{one.diverged} of {len(data.y)} {kind} iterations went away"
                for kind, one in (("plain", alone), ("accelerated", found))
                if one.diverged
            ),
            "tau": tau,
            "count": len(data.y),
            "contraction": finite(np.mean(factors)),
            "largest_contraction": finite(np.max(factors)),
            "accelerated_steps": found.mean_steps,
            "accelerated_solved": found.solved,
            "plain_steps": alone.mean_steps,
            "plain_solved": alone.solved,
            "plain_diverged": alone.diverged,
        }
        rows.append(row)
    return rows


def measured(
    setting: TrainedSetting, images: Float[np.ndarray, "count h w"], seed: int, role: int
) -> MeasuredImages:
    """Measure images through K with noise of another seed for training and for testing."""
    truths = jnp.asarray(images, DTYPE)
    noise = np.random.default_rng([seed, role, 53]).normal(0, setting.noise, images.shape)
    return MeasuredImages(truths, jax.vmap(setting.model().K)(truths) + jnp.asarray(noise, DTYPE))


def equilibria(
    model: EquilibriumModel, weights: SharedWeights, data: MeasuredImages, batch: int
) -> Equilibria:
    """Solve for all equilibria, so many at once."""
    # The last block is filled up with measurements that come twice.
    blocks = -(-len(data.y) // batch)
    index = jnp.arange(blocks * batch) % len(data.y)
    grouped = jax.tree.map(lambda part: part[index].reshape(blocks, batch, *part.shape[1:]), data)
    free = weights._replace(synthesis=weights.mapping_back)
    found = untimed(_equilibria)(model, free, grouped)
    return Equilibria(*(np.asarray(part).reshape(-1)[: len(data.y)] for part in found))


def _equilibria(
    model: EquilibriumModel, weights: SharedWeights, grouped: MeasuredImages
) -> tuple[Float[Array, "blocks batch"], Int[Array, "blocks batch"], Int[Array, "blocks batch"]]:
    def one(truth: Array, y: Array) -> tuple[Array, Array, Array]:
        found = equilibrium(model, weights, y)
        return jnp.mean(jnp.square(found.x - truth)), found.status, found.steps

    return jax.lax.map(lambda block: jax.vmap(one)(block.truths, block.y), grouped)


def _contraction(
    model: EquilibriumModel, weights: SharedWeights, data: MeasuredImages
) -> Float[np.ndarray, " count"]:
    free = weights._replace(synthesis=weights.mapping_back)
    return np.asarray(untimed(contraction)(model, free, data))


def _with_tau(model: EquilibriumModel, tau: float) -> EquilibriumModel:
    return dataclasses.replace(model, tau=jnp.asarray(tau, DTYPE))


def _some(data: MeasuredImages) -> MeasuredImages:
    return MeasuredImages(data.truths[:LOOKED_AT], data.y[:LOOKED_AT])
