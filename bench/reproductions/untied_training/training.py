"""Training of tied and untied weights by Adam, from one start and on the same batches."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from ...measure.clock import time_once
from ...measure.program import Compiler, Program
from ...training.pairs import batch_indices
from .equilibrium import EquilibriumModel, MeasuredImages, SharedWeights, SolveAccount, differentiate

RATE, LAST_RATE = 1e-3, 1e-6
"""Of Adam at the start, and at the end of a cosine."""
_COMPILER = Compiler()


class Schedule(NamedTuple):
    """How long a training is.

    Attributes:
        batch: images in a step.
        epochs: how often every image comes.
    """

    batch: int
    epochs: int


class LearnerState(NamedTuple):
    """What a training goes on from."""

    weights: SharedWeights
    moments: Any


class AdamAccount(NamedTuple):
    """What is known of a step: the loss before it, its solves, and whether it was taken."""

    loss: Float[Array, "*steps"]
    solves: SolveAccount
    taken: Bool[Array, "*steps"]


class TrainedWeights(NamedTuple):
    """The result of a training.

    Attributes:
        weights: the last ones.
        account: of all steps, along a leading axis; that of solves has one of members behind it.
        seconds: of all steps, compilation aside.
    """

    weights: SharedWeights
    account: AdamAccount
    seconds: float


def train_weights(
    model: EquilibriumModel, first: SharedWeights, data: MeasuredImages, schedule: Schedule, seed: int
) -> TrainedWeights:
    """Train through all epochs; each is one call of a compiled loop."""
    steps = schedule.epochs * (len(data.y) // schedule.batch)
    start: Any = first
    state = LearnerState(first, _adam(steps).init(start))
    accounts: list[AdamAccount] = []
    seconds, program = 0.0, None
    for batches in _batches(len(data.y), schedule, seed):
        program = program or _compiled(steps, model, state, data, batches)
        call = partial(program, model, state, data, batches)
        (state, account), spent = time_once(call)
        accounts.append(jax.tree.map(np.asarray, account))
        seconds += spent
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), *accounts)
    return TrainedWeights(state.weights, joined, seconds)


def _compiled(steps: int, *arguments: Any) -> Program:
    return _COMPILER.compile_program(partial(_run_steps, steps), *arguments, name=f"{steps} steps")


def _run_steps(
    steps: int,
    model: EquilibriumModel,
    state: LearnerState,
    data: MeasuredImages,
    batches: Int[Array, "some batch"],
) -> tuple[LearnerState, AdamAccount]:
    """Take one step a batch.

    Members whose iterations stopped at their limit are differentiated as they are, as the authors do; with
    one that diverged the step is not taken.
    """

    def step(state: LearnerState, batch: Int[Array, " batch"]) -> tuple[LearnerState, AdamAccount]:
        weights: Any = state.weights  # optax's types know no such tree
        found = differentiate(model, weights, MeasuredImages(data.truths[batch], data.y[batch]))
        gradient: Any = found.gradient
        finite = jnp.isfinite(optax.tree.norm(gradient))
        taken = finite & ~jnp.any(found.account.diverged)
        updates, moments = _adam(steps).update(gradient, state.moments)
        changed: Any = optax.apply_updates(weights, updates)
        moved = LearnerState(changed, moments)
        state = jax.tree.map(partial(jnp.where, taken), moved, state)
        return state, AdamAccount(found.loss, found.account, taken)

    return jax.lax.scan(step, state, batches)


def _adam(steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(RATE, steps, LAST_RATE / RATE))


def _batches(count: int, schedule: Schedule, seed: int) -> Iterator[Int[Array, "steps batch"]]:
    """Draw each epoch's batches in an order that the seed decides, the same for tied and untied weights."""
    each = count // schedule.batch
    for epoch in range(schedule.epochs):
        yield jnp.asarray(batch_indices(seed, count, schedule.batch, epoch * each, each))
