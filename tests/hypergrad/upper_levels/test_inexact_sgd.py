"""Inexact stochastic gradient descent on a quadratic: it converges in expectation, and says what failed."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quadratic_levels
from quadratic_levels import SIZE, DiagonalQuadratic

from hypergrad_bench.hypergrad import InexactSgd, PairSolves, PowerDecay, UpperLevel, UpperProblem
from hypergrad_bench.problems import FieldsOfExperts, Mask

PROBLEM = quadratic_levels.problem()
START = DiagonalQuadratic(jnp.full(SIZE, 1.0))
SGD = InexactSgd(batch=2, steps=PowerDecay(5.0, 0.5), accuracies=PowerDecay(0.1, 0.5))
RUNS, STEPS = 16, 400


@partial(jax.jit, static_argnums=0)
def runs(level: InexactSgd) -> Any:
    """The states behind every step, of many runs that differ in their batches."""
    begun = level.init(PROBLEM, START)

    def advance(state: Any, _: None) -> Any:
        following = level.step(PROBLEM, state)
        return following, following._replace(key=None)

    def run(key: jax.Array) -> Any:
        return jax.lax.scan(advance, begun._replace(key=key), length=STEPS)[1]

    return jax.vmap(run)(jax.random.split(jax.random.key(0), RUNS))


@pytest.fixture(scope="module")
def states() -> Any:
    return runs(SGD)


def fine_at_first(count: jax.Array) -> jax.Array:
    """An accuracy that two steps of a solver do not meet, and then one that they do."""
    return jnp.where(count > 0, 1.0, 1e-9)


def excess(states: Any) -> np.ndarray:
    """The true loss above the least one, averaged over the runs, behind every step."""
    least = quadratic_levels.true_loss(PROBLEM, quadratic_levels.best_weights(PROBLEM))
    weights = np.asarray(states.regularizer.weights)
    losses = [[quadratic_levels.true_loss(PROBLEM, one) for one in run] for run in weights]
    return np.mean(losses, axis=0) - least


def test_it_converges_in_expectation(states):
    assert isinstance(SGD, UpperLevel)
    found = excess(states)
    windows = [found[:20].mean(), found[20:100].mean(), found[300:].mean()]
    assert windows[0] > 4 * windows[1] > 16 * windows[2] > 0
    assert found[-100:].mean() <= 1e-2 * found[0]
    assert np.all(np.asarray(states.account.taken))
    assert np.all(np.asarray(states.regularizer.weights) >= 0)


def test_the_loss_of_the_batch_is_bounded(states):
    least, value, most = map(np.asarray, states.loss)
    assert np.all((least <= value) & (value <= most))
    assert np.all(np.isfinite(most))


def test_a_power_falls_as_it_says():
    decay = PowerDecay(2.0, 0.5)
    np.testing.assert_allclose([float(decay(one)) for one in jnp.arange(4)], 2 / np.sqrt(1 + np.arange(4)))


def test_an_accuracy_that_was_not_met_is_said_and_no_step_is_taken():
    """The step sizes are a schedule of optax."""
    hasty = dataclasses.replace(
        SGD, steps=optax.constant_schedule(1.0), accuracies=fine_at_first, solves=PairSolves(max_steps=2)
    )
    uneven = DiagonalQuadratic(jnp.linspace(0.5, 4.0, SIZE))
    begun = jax.jit(hasty.init)(PROBLEM, uneven)
    step = jax.jit(hasty.step)
    state = step(PROBLEM, begun)
    assert not bool(state.account.taken)
    np.testing.assert_array_equal(state.regularizer.weights, uneven.weights)
    assert int(state.steps) == 1
    # What was found is kept, and the next steps go on from there.
    assert not np.array_equal(state.x, begun.x)
    following = step(PROBLEM, state)
    assert bool(following.account.taken)
    assert float(following.account.gradient_norm) > 0
    assert not np.array_equal(following.regularizer.weights, uneven.weights)


def test_refusals():
    with pytest.raises(ValueError, match="a batch of 5 cannot be drawn from 4 pairs"):
        InexactSgd(batch=5).init(PROBLEM, START)
    y = jnp.ones((2, 5, 6))
    with pytest.raises(ValueError, match="null space"):
        InexactSgd(batch=1).init(UpperProblem(Mask(y[0]), y, y), FieldsOfExperts.initial((5, 6), 0))
    with pytest.raises(ValueError, match="at least 1"):
        InexactSgd(batch=0)
    with pytest.raises(ValueError, match="first must be positive"):
        PowerDecay(0.0)
