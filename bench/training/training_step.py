"""One step of training: a batch of pairs, their mean gradient, and what the optimiser makes of it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from .pair_step import PairStep, pair_step
from .pairs import Pairs
from .recipe import Recipe
from .start import Start

GOING_ON, DIVERGED, STUCK = 0, 1, 2
"""What `LearningState.ended` says: no, by a loss that left the numbers or exploded, by failures in a row."""
EXPLODED = 1000.0
"""Times the loss of a signal of zeros: beyond it a training has diverged."""


class LearningState(NamedTuple):
    """All that a training goes on from.

    Attributes:
        step: steps made, whether they were taken or failed.
        free: what the optimiser moves, see `Parametrization`.
        good: the same at the last step whose loss was in order.
        moments: the optimiser's state.
        starts: where the solves of every pair start, with a leading axis of pairs.
        failures: steps in a row that failed.
        ended: GOING_ON, DIVERGED or STUCK.
    """

    step: Int[Array, ""]
    free: Any
    good: Any
    moments: Any
    starts: Start
    failures: Int[Array, ""]
    ended: Int[Array, ""]


class LevelMeasures(NamedTuple):
    """What is known of a step by an upper level; not finite where it has no such number.

    Attributes:
        least: at most the loss at the exact solutions, before the step.
        most: at least that loss.
        certified_fall: by at least so much has it certainly fallen in this step; 0 where it was not taken.
        gradient_bound: of the error of the hypergradient, in the norm of `gradient_norm`.
        accuracy: of ||x - x*|| / sqrt(n), asked for as the step began, n the number of pixels.
        adjoint_accuracy: the relative residual of adjoint equations, asked for as it began.
        step_size: the first one that it tried.
        rounds: how often it solved for a hypergradient, each time more accurately.
        trials: step sizes that it tried.
        gradients: of energies that it evaluated, over all pairs.
        products: of Hessians with vectors, over all pairs.
    """

    least: Float[Array, "..."]
    most: Float[Array, "..."]
    certified_fall: Float[Array, "..."]
    gradient_bound: Float[Array, "..."]
    accuracy: Float[Array, "..."]
    adjoint_accuracy: Float[Array, "..."]
    step_size: Float[Array, "..."]
    rounds: Int[Array, "..."]
    trials: Int[Array, "..."]
    gradients: Int[Array, "..."]
    products: Int[Array, "..."]


class Measures(NamedTuple):
    """What is known of a step; means over its batch, and the worst of residuals.

    Attributes:
        loss: the upper-level loss, before the step.
        psnr: in dB, of a peak of one.
        gradient_norm: of the gradient by what the optimiser moves.
        solver_steps: of the lower level.
        residual: of the lower level.
        adjoint_residual: of the adjoint equation; None for methods without one.
        failed: how many pairs of the batch missed their tolerance.
        taken: whether the optimiser made its step.
        level: what an upper level says beside that; None without one.
    """

    loss: Float[Array, "..."]
    psnr: Float[Array, "..."]
    gradient_norm: Float[Array, "..."]
    solver_steps: Float[Array, "..."]
    residual: Float[Array, "..."]
    adjoint_residual: Float[Array, "..."] | None
    failed: Int[Array, "..."]
    taken: Bool[Array, "..."]
    level: LevelMeasures | None = None


class MissedSteps(NamedTuple):
    """How many steps of a training were not taken: as a solve failed, or an adjoint equation alone."""

    solve: int
    adjoint: int


def missed_steps(measures: Measures, tolerance: float) -> MissedSteps:
    """Count the steps that were not taken by what they missed first: the solve, then the adjoint equation.

    Args:
        measures: with a leading axis of steps.
        tolerance: of the solves.
    """
    missed = ~np.asarray(measures.taken)
    # A residual that is no number has missed too.
    solves = missed & ~(np.asarray(measures.residual) <= tolerance)
    return MissedSteps(int(np.count_nonzero(solves)), int(np.count_nonzero(missed & ~solves)))


def training_step(
    recipe: Recipe, state: LearningState, index: Int[Array, " batch"], chosen: Pairs, starts: Start
) -> tuple[LearningState, Measures]:
    """Make one step with a batch of pairs, whose numbers are `index` and whose solves begin at `starts`."""
    rules = recipe.parametrization
    regularizer, back = jax.vjp(rules.regularizer, state.free)
    found = jax.vmap(partial(_of_pair, recipe, chosen.A, regularizer))(chosen.y, chosen.truths, starts)
    (gradient,) = back(jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found.gradient))
    gradient = rules.learned(gradient)
    loss = jnp.mean(found.loss)
    at_zero = jnp.mean(jax.vmap(lambda truth: recipe.loss(jnp.zeros_like(truth), truth))(chosen.truths))
    diverged = ~(loss <= EXPLODED * at_zero + _tiny(loss))
    norm = optax.tree.norm(gradient)
    failed = jnp.any(found.failed) | ~jnp.isfinite(norm)
    taken = ~diverged & (~failed | (recipe.failed_steps == "take"))
    updates, moments = recipe.optimizer.update(gradient, state.moments, state.free)
    moved = rules.projected(optax.apply_updates(state.free, rules.learned(updates)))
    failures = jnp.where(failed, state.failures + 1, 0)
    stuck = (failures >= recipe.patience) & ~taken
    after = LearningState(
        step=state.step + 1,
        free=_where(taken, moved, state.free),
        good=_where(diverged, state.good, state.free),
        moments=_where(taken, moments, state.moments),
        starts=jax.tree.map(lambda all, new: all.at[index].set(new), state.starts, found.start),
        failures=failures,
        ended=jnp.where(diverged, DIVERGED, jnp.where(stuck, STUCK, GOING_ON)).astype(jnp.int32),
    )
    return after, _measured(found, loss, norm, taken)


def _of_pair(
    recipe: Recipe,
    A: Any,
    regularizer: Regularizer,
    y: Float[Array, "..."],
    truth: Float[Array, "..."],
    start: Start,
) -> PairStep:
    return pair_step(recipe, LowerLevel(A, y, regularizer), truth, start)


def _measured(
    found: PairStep, loss: Float[Array, ""], norm: Float[Array, ""], taken: Bool[Array, ""]
) -> Measures:
    adjoint = found.adjoint_residual
    return Measures(
        loss=loss,
        psnr=jnp.mean(-10 * jnp.log10(jnp.maximum(found.squared_error, _tiny(loss)))),
        gradient_norm=norm,
        solver_steps=jnp.mean(found.steps.astype(loss.dtype)),
        residual=jnp.max(found.residual),
        adjoint_residual=None if adjoint is None else jnp.max(adjoint),
        failed=jnp.sum(found.failed.astype(jnp.int32)),
        taken=taken,
    )


def _tiny(like: Float[Array, ""]) -> Any:
    return jnp.finfo(like.dtype).tiny


def _where(condition: Bool[Array, ""], new: Any, old: Any) -> Any:
    return jax.tree.map(lambda new, old: jnp.where(condition, new, old), new, old)
