"""What is looked at between steps: held-out pairs, and how wrong the gradient is that training takes."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from .held_out import HeldOut
from .pair_step import PairStep, pair_step
from .pairs import Pairs, batch_indices
from .recipe import Recipe
from .start import Start
from .step_trainer import StepTrainer
from .trainer import Trainer
from .training_step import LearningState


class TrainingLook(NamedTuple):
    """What a look at a training found.

    Attributes:
        test_psnr: mean over the held-out pairs, in dB, of a peak of one; None where a solve of them failed.
        test_missed: how many of them failed.
        gradient_error: of the next step's gradient by what is learned, relative to the exact one; None if the
            exact one is zero, or its own solve or adjoint failed, and for upper levels.
    """

    test_psnr: float | None
    test_missed: int
    gradient_error: float | None


class Onlooker:
    """Look at a training from outside: nothing of it is changed, and no step is made.

    Args:
        trainer: whose training it is.
        exact: the same recipe with an exact method and a tight tolerance; starts cold, so that it owes
            nothing to the training.
        held_out: pairs that are not trained on.
    """

    def __init__(self, trainer: Trainer, exact: Recipe, held_out: HeldOut) -> None:
        """Compile nothing yet."""
        self._trainer, self._held_out = trainer, held_out
        self._taken = jax.jit(partial(_gradient, trainer.recipe))
        self._exact = jax.jit(partial(_gradient, exact))

    def look(self, state: LearningState) -> TrainingLook:
        """Return what is to be seen at a state."""
        recipe, pairs = self._trainer.recipe, self._trainer.pairs
        regularizer = self._trainer.learned(state)
        index = batch_indices(recipe.seed, pairs.number, recipe.batch, int(state.step), 1)[0]
        y, truths, starts = jax.tree.map(lambda leaf: leaf[index], (pairs.y, pairs.truths, state.starts))
        chosen = Pairs(pairs.A, y, truths)
        exact, failed = self._exact(regularizer, chosen, Start())
        taken, _ = self._taken(regularizer, chosen, starts)
        error = None if bool(failed) else _relative(taken, exact)
        return TrainingLook(*self._held_out.restored(regularizer), error)


class LevelOnlooker:
    """Look at a training by an upper level: at its held-out pairs alone, as its gradient is its own."""

    def __init__(self, trainer: StepTrainer, held_out: HeldOut) -> None:
        """Say whose training it is."""
        self._trainer, self._held_out = trainer, held_out

    def look(self, state: Any) -> TrainingLook:
        """Return what is to be seen at a state."""
        return TrainingLook(*self._held_out.restored(self._trainer.learned(state)), None)


def _gradient(
    recipe: Recipe, regularizer: Regularizer, chosen: Pairs, starts: Start
) -> tuple[list[Array], Array]:
    """Return a batch's gradient by what is learned, and whether a solve or an adjoint of it failed."""

    def of_pair(y: Float[Array, "..."], truth: Float[Array, "..."], start: Start) -> PairStep:
        return pair_step(recipe, LowerLevel(chosen.A, y, regularizer), truth, start)

    found = jax.vmap(of_pair)(chosen.y, chosen.truths, starts)
    mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found.gradient)
    return recipe.parametrization.learned_leaves(mean), jnp.any(found.failed)


def _relative(taken: list[Array], exact: list[Array]) -> float | None:
    difference = [one - other for one, other in zip(taken, exact, strict=True)]
    off, norm = float(optax.tree.norm(difference)), float(optax.tree.norm(exact))
    return off / norm if norm > 0 else None
