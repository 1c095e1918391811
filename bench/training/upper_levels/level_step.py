"""One step of training by an upper level, and what is known of it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad.upper_levels.upper_level import BatchLevel, UpperLevel, UpperState
from ....hypergrad.upper_levels.upper_loss import LossBounds
from ....hypergrad.upper_levels.upper_problem import UpperProblem
from ..training_step import DIVERGED, EXPLODED, GOING_ON, STUCK, LevelMeasures, Measures

PATIENCE = 10
"""Steps in a row that may fail: each of them has tightened the accuracies as far as it could."""


class LevelState(NamedTuple):
    """All that a training by an upper level goes on from.

    Attributes:
        step: steps made, whether they were taken or not.
        level: the upper level's own state, with the parameters.
        good: the parameters at the last step whose loss was in order.
        failures: steps in a row that were not taken.
        ended: GOING_ON, DIVERGED or STUCK.
    """

    step: Int[Array, ""]
    level: Any
    good: Any
    failures: Int[Array, ""]
    ended: Int[Array, ""]


def level_step(
    level: UpperLevel, problem: UpperProblem, state: LevelState, numbers: Int[Array, " batch"]
) -> tuple[LevelState, Measures]:
    """Make one step, on the pairs with these numbers if the upper level takes batches, else on all."""
    before: Any = state.level
    if isinstance(level, BatchLevel):
        after, batch = level.step_on(problem, before, numbers), problem.selected(numbers)
        # Its loss is found within the step, at the parameters before it.
        loss, x = after.loss, after.x[numbers]
    else:
        after, batch = level.step(problem, before), problem
        loss, x = before.loss, before.x
    at_zero = jax.vmap(lambda truth: problem.loss.value(jnp.zeros_like(truth), truth))(batch.truth)
    diverged = ~(loss.value <= EXPLODED * jnp.mean(at_zero) + jnp.finfo(x.dtype).tiny)
    taken = after.account.taken & ~diverged
    failures = jnp.where(after.account.taken, 0, state.failures + 1)
    ended = jnp.where(diverged, DIVERGED, jnp.where(failures >= PATIENCE, STUCK, GOING_ON))
    following = LevelState(
        step=state.step + 1,
        level=after,
        good=jax.tree.map(lambda old, new: jnp.where(diverged, old, new), state.good, before.regularizer),
        failures=failures,
        ended=ended.astype(jnp.int32),
    )
    known = _level_measures(level, before, after, loss)
    return following, _measures(batch, loss.value, x, after, taken, known)


def _measures(
    batch: UpperProblem,
    loss: Float[Array, ""],
    x: Float[Array, "batch ..."],
    after: UpperState,
    taken: Bool[Array, ""],
    known: LevelMeasures,
) -> Measures:
    errors = jax.vmap(lambda one, truth: jnp.mean(jnp.square(one - truth)))(x, batch.truth)
    # What solves were asked for, and what they reached, an upper level says by accuracies and bounds.
    unknown = jnp.full_like(loss, jnp.nan)
    return Measures(
        loss=loss,
        psnr=jnp.mean(-10 * jnp.log10(jnp.maximum(errors, jnp.finfo(x.dtype).tiny))),
        gradient_norm=after.account.gradient_norm,
        solver_steps=unknown,
        residual=unknown,
        adjoint_residual=None,
        failed=jnp.zeros((), jnp.int32),
        taken=taken,
        level=known,
    )


def _level_measures(level: UpperLevel, before: Any, after: UpperState, loss: LossBounds) -> LevelMeasures:
    demand, account = level.demand(before), after.account
    unknown = jnp.full_like(account.gradient_norm, jnp.nan)
    return LevelMeasures(
        least=loss.least if level.traits.bounds_loss else unknown,
        most=loss.most if level.traits.bounds_loss else unknown,
        certified_fall=account.certified_fall if level.traits.certifies_descent else unknown,
        gradient_bound=account.gradient_bound,
        accuracy=demand.accuracy,
        adjoint_accuracy=demand.adjoint_accuracy,
        step_size=demand.step_size,
        rounds=account.rounds,
        trials=account.trials,
        gradients=account.work.gradients,
        products=account.work.products,
    )
