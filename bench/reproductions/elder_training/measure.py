"""Pre-train, tune the weight, train as an equilibrium model, and restore photographs before and after."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems import LowerLevel
from ....solvers.iterations.first_iterate import first_iterate
from ...machine.threads import fix_blas_threads
from ...measure.clock import time_once
from ...measure.untimed import untimed
from ...records.status import Status
from ...restoring.tuning import Tuned
from ...training.optimizers import optimizer_named
from ...training.pairs import Pairs
from ...training.parametrization import parametrization
from ...training.recipe import Recipe
from ...training.trainer import Trainer
from ...training.training_step import DIVERGED, LearningState, Measures, MissedSteps, missed_steps
from ..relative_error import finite
from .models import Trainable
from .pretraining import PretrainedNetwork, pretrained
from .problem import EquilibriumCase
from .restoring import RestoredPairs, mean_psnr, restored, tuned_weight
from .rows import EquilibriumRow, Grey

PARTS = 10
"""Into so many the losses of a training are averaged."""
AT_THE_EDGE = "weights that were not tried may be better before training, so that its gain is not known"
"""The reason of a seed that is ok but for its weight."""


class TrainedEquilibrium(NamedTuple):
    """A finished training.

    Attributes:
        regularizer: what was learned.
        measures: of every step that was made.
        diverged: whether the loss left the numbers or exploded.
        seconds: of all steps, compilation aside.
    """

    regularizer: Trainable
    measures: Measures
    diverged: bool
    seconds: float


class SeedOutcome(NamedTuple):
    """What became of one seed.

    Attributes:
        network: pre-trained.
        tuned: the weight.
        trained: as an equilibrium model.
        testing: the pairs that were not trained on.
        before: them restored by the pre-trained regulariser.
        after: and by the trained one.
    """

    network: PretrainedNetwork
    tuned: Tuned
    trained: TrainedEquilibrium
    testing: Pairs
    before: RestoredPairs
    after: RestoredPairs


def measure_case(case: EquilibriumCase, quick: bool) -> list[EquilibriumRow]:
    """Return a row for each seed."""
    fix_blas_threads()
    rows: list[EquilibriumRow] = []
    trainer: Trainer | None = None
    for seed in case.seeds:
        # The loop is compiled once, for the first seed.
        outcome, trainer = _outcome(case, seed, trainer)
        rows.append(_row(case, seed, quick, outcome))
    return rows


def _outcome(case: EquilibriumCase, seed: int, trainer: Trainer | None) -> tuple[SeedOutcome, Trainer]:
    model, size = case.model, case.size
    training, testing = case.drawn(seed)
    few = training.first(size.tuning)
    network = pretrained(model.goal, size, case.sources, case.truths, seed)
    first = model.regularizer(size.network, network.parameters, 1.0)
    tuned = tuned_weight(model, few, first, size.block)
    start = model.regularizer(size.network, network.parameters, tuned.factor)
    if trainer is None:
        trainer = Trainer(_recipe(case, start), training, start)
    else:
        trainer = trainer.on(training, regularizer=start)
    trained = _trained(trainer, size.steps)
    before, after = (restored(model, testing, one, size.block) for one in (start, trained.regularizer))
    return SeedOutcome(network, tuned, trained, testing, before, after), trainer


def root_mean_squared_error(x: Float[Array, "*shape"], truth: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Return the root of the mean squared difference: with its square smooth crops would hardly count."""
    return jnp.sqrt(jnp.mean(jnp.square(x - truth)))


def _recipe(case: EquilibriumCase, start: Trainable) -> Recipe:
    model, size = case.model, case.size
    return Recipe(
        model.method,
        model.solver,
        model.budget,
        optimizer_named("adam", size.rate, "cosine", size.steps),
        parametrization(start),
        size.batch,
        loss=root_mean_squared_error,
        # However many steps fail, all are made, so that every regulariser has the same number of them.
        patience=size.steps,
    )


def _trained(trainer: Trainer, steps: int) -> TrainedEquilibrium:
    state = trainer.start()
    trainer.compile(state)

    def train() -> tuple[LearningState, Measures]:
        return trainer.advance(state, steps)

    (ended, measures), seconds = time_once(train)
    return TrainedEquilibrium(trainer.learned(ended), measures, int(ended.ended) == DIVERGED, seconds)


def _row(case: EquilibriumCase, seed: int, quick: bool, outcome: SeedOutcome) -> EquilibriumRow:
    network, tuned, trained, testing, before, after = outcome
    measures, learned = trained.measures, trained.regularizer
    missed = missed_steps(measures, float(case.model.budget.tolerance))
    status, reason = judged(outcome, missed)
    begun = np.asarray(_first_images(testing, learned))
    return {
        "quick": quick,
        "images": case.images_in_words,
        "task": case.task.name,
        "regularizer": case.model.name,
        "explicit": case.model.explicit,
        "seed": seed,
        "status": status.value,
        "reason": reason,
        "noisy_psnr": network.noisy,
        "denoised_psnr": network.denoised,
        "weight": tuned.factor,
        "at_the_edge": tuned.at_the_edge,
        "start_psnr": mean_psnr(begun, testing.truths),
        "pretrained_psnr": finite(before.psnr),
        "trained_psnr": finite(after.psnr),
        "tests": testing.number,
        "pretrained_unsolved": before.unsolved,
        "trained_unsolved": after.unsolved,
        "pretrained_residual": finite(np.max(before.residual)),
        "trained_residual": finite(np.max(after.residual)),
        "steps": len(measures.taken),
        "solve_missed": missed.solve,
        "adjoint_missed": missed.adjoint,
        "adjoint_residual": _largest_adjoint(measures),
        "solver_steps": float(np.mean(measures.solver_steps)),
        "losses": _means(measures.loss),
        "seconds": trained.seconds,
        "learned_weight": float(learned.weight),
        "learned_sigma": float(learned.denoiser.sigma),
        "crops": None if seed != case.seeds[0] else _crops(outcome, begun),
    }


def judged(outcome: SeedOutcome, missed: MissedSteps) -> tuple[Status, str]:
    """Say what became of a seed, with a sentence where it is not ok."""
    if outcome.trained.diverged:
        return Status.DIVERGED, "the training's loss left the numbers, or exploded"
    if not np.isfinite([outcome.before.psnr, outcome.after.psnr]).all():
        return Status.NOT_FINITE, "a restored test crop is not finite"
    if not np.isfinite(outcome.tuned.score):
        return Status.DIVERGED, "with every weight that was tried a solve of the training pairs went astray"
    for when, found in (("before", outcome.before), ("after", outcome.after)):
        if found.astray:
            lost = f"{found.astray} of {len(found.x)} solves of test crops {when} training"
            return Status.DIVERGED, f"{lost} diverged, or left the numbers or a parameter's range"
    made, skipped = len(outcome.trained.measures.taken), sum(missed)
    if 2 * skipped < made:
        return Status.OK, AT_THE_EDGE if outcome.tuned.at_the_edge else ""
    status = Status.MAX_STEPS if missed.solve >= missed.adjoint else Status.ADJOINT_MISSED
    return status, f"{skipped} of {made} steps of training were flagged and not taken"


def _means(losses: Float[Array | np.ndarray, " steps"]) -> list[float]:
    """Return means over tenths of a training; a diverged one's last, which is no number, is left out."""
    means = [float(np.mean(part)) for part in np.array_split(np.asarray(losses), PARTS) if len(part)]
    return [one for one in means if np.isfinite(one)]


def _largest_adjoint(measures: Measures) -> float | None:
    residuals = measures.adjoint_residual
    if residuals is None or not np.any(measures.taken):
        return None
    return finite(np.max(np.asarray(residuals)[np.asarray(measures.taken)]))


@untimed
def _first_images(pairs: Pairs, regularizer: Trainable) -> Float[Array, "pairs h w"]:
    return jax.vmap(lambda y: first_iterate(LowerLevel(pairs.A, y, regularizer)))(pairs.y)


def _crops(outcome: SeedOutcome, begun: Float[np.ndarray, "pairs h w"]) -> dict[str, Grey]:
    shown = {
        "truth": outcome.testing.truths,
        "A^T y": begun,
        "pre-trained": outcome.before.x,
        "trained": outcome.after.x,
    }
    return {name: _grey(np.asarray(images)[0]) for name, images in shown.items()}


def _grey(image: Float[np.ndarray, "h w"]) -> Grey:
    return np.clip(np.rint(255 * np.nan_to_num(image)), 0, 255).astype(int).tolist()
