"""MAID on a quadratic with a known answer: certified descent, accuracies as loose as that allows."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quadratic_levels
from quadratic_levels import FLAT, SIZE, DiagonalQuadratic

from hypergrad_bench.hypergrad import (
    Backtracking,
    FixedTolerances,
    Maid,
    PairSolves,
    UpperLevel,
    UpperProblem,
    UpperState,
)
from hypergrad_bench.problems import AnalysisL1, FieldsOfExperts, Identity, Lorentzian, Mask

PROBLEM = quadratic_levels.problem()
START = DiagonalQuadratic(jnp.full(SIZE, 1.0))
MAID = Maid(accuracy=jnp.asarray(0.1), adjoint_accuracy=jnp.asarray(0.1), step_size=jnp.asarray(10.0))
STEPS = 60


@jax.jit
def trained(level: Any) -> Any:
    """The states before every step and behind the last; accuracies are arrays, so that one program serves."""
    begun = level.init(PROBLEM, START)

    def advance(state: Any, _: None) -> Any:
        following = level.step(PROBLEM, state)
        return following, following

    states = jax.lax.scan(advance, begun, length=STEPS)[1]
    return jax.tree.map(lambda one, rest: jnp.concatenate([one[None], rest]), begun, states)


@pytest.fixture(scope="module")
def states() -> Any:
    return trained(MAID)


@pytest.fixture(scope="module")
def losses(states: Any) -> np.ndarray:
    """The loss at the exact solutions, of every state."""
    return np.array(
        [quadratic_levels.true_loss(PROBLEM, one) for one in np.asarray(states.regularizer.weights)]
    )


def test_they_are_upper_levels(states):
    for level in (MAID, FixedTolerances()):
        assert isinstance(level, UpperLevel)
    last = jax.tree.map(lambda leaf: leaf[-1], states)
    assert {leaf.dtype for leaf in jax.tree.leaves(last.loss)} == {jnp.dtype("float64")}


def test_every_step_that_is_taken_lowers_the_true_loss_by_what_is_certified(states, losses):
    moved = np.sum(np.square(np.diff(states.regularizer.weights, axis=0)), axis=1)
    taken = np.asarray(states.account.taken)[1:]
    step_sizes = np.asarray(states.step_size)[1:] / MAID.grow
    assert np.count_nonzero(taken) >= 20
    assert np.all((losses[1:] <= losses[:-1] - MAID.search.decrease * moved / step_sizes)[taken])
    assert np.all(moved[taken] > 0)
    assert np.all(moved[~taken] == 0)


def test_the_true_loss_is_within_its_bounds(states, losses):
    assert np.all(np.asarray(states.loss.least) <= losses)
    assert np.all(losses <= np.asarray(states.loss.most))


def test_it_reaches_the_minimum_within_the_range(states, losses):
    best = quadratic_levels.best_weights(PROBLEM)
    assert best[FLAT] == 0
    least = quadratic_levels.true_loss(PROBLEM, best)
    assert losses[-1] - least <= 1e-6 * (losses[0] - least)
    np.testing.assert_allclose(states.regularizer.weights[-1], best, atol=2e-2)
    assert np.all(np.asarray(states.regularizer.weights) >= 0)


def test_accuracies_tighten_only_where_a_round_failed(states):
    accuracies, rounds = np.asarray(states.accuracy), np.asarray(states.account.rounds)[1:]
    taken = np.asarray(states.account.taken)[1:]
    factors = np.where(taken, MAID.loosen * MAID.tighten ** (rounds - 1.0), MAID.tighten**rounds)
    np.testing.assert_allclose(accuracies[1:], accuracies[:-1] * factors, rtol=1e-12)
    # Both happen, and where there were more rounds the first of them alone takes no step.
    assert np.any(rounds == 1)
    assert np.any(rounds > 1)
    once = jax.jit(dataclasses.replace(MAID, most_rounds=1).step)
    weights = np.asarray(states.regularizer.weights)
    for number in [*np.flatnonzero(rounds > 1)[:3], *np.flatnonzero(rounds == 1)[:3]]:
        following = once(PROBLEM, jax.tree.map(lambda leaf, number=number: leaf[number], states))
        assert bool(following.account.taken) == (rounds[number] == 1)
        expected = weights[number + 1] if rounds[number] == 1 else weights[number]
        np.testing.assert_allclose(following.regularizer.weights, expected, rtol=1e-9)


def test_a_start_that_is_too_accurate_is_loosened_and_takes_more_work(states):
    fine = trained(dataclasses.replace(MAID, accuracy=jnp.asarray(1e-9)))
    assert np.all(np.asarray(fine.account.rounds)[1:5] == 1)
    np.testing.assert_allclose(fine.accuracy[4], 1e-9 * MAID.loosen**4)
    work = [int(one.account.work.total[:5].sum()) for one in (states, fine)]
    assert work[0] < work[1]


def test_float32_stays_float32():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (PROBLEM, START))
    state = jax.eval_shape(MAID.init, *single)
    following = jax.eval_shape(MAID.step, single[0], state)
    floating = [leaf.dtype for leaf in jax.tree.leaves(following) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert set(floating) == {jnp.dtype("float32")}


def test_fixed_tolerances_reach_the_minimum_if_they_are_tight_and_certify_nothing():
    fixed = trained(FixedTolerances(1e-8, 1e-8, step_size=10.0))
    best = quadratic_levels.best_weights(PROBLEM)
    np.testing.assert_allclose(fixed.regularizer.weights[-1], best, atol=2e-2)
    assert np.all(np.isinf(fixed.account.gradient_bound))
    np.testing.assert_array_equal(fixed.loss.least, fixed.loss.most)


@pytest.mark.parametrize("limits", [{"max_steps": 2}, {"max_products": 1}])
def test_fixed_tolerances_take_no_step_behind_a_solve_or_an_adjoint_that_missed(limits):
    """Not even where the computed loss falls; what was found is gone on with."""
    hasty = FixedTolerances(1e-9, 1e-9, step_size=10.0, solves=PairSolves(**limits))
    uneven = DiagonalQuadratic(jnp.linspace(0.5, 4.0, SIZE))
    begun = jax.jit(hasty.init)(PROBLEM, uneven)
    step = jax.jit(hasty.step)
    following = step(PROBLEM, begun)
    assert not bool(following.account.taken)
    np.testing.assert_array_equal(following.regularizer.weights, uneven.weights)
    assert not np.array_equal(following.adjoint, begun.adjoint)
    if "max_steps" not in limits:
        assert np.isfinite(begun.loss.most)
        return
    np.testing.assert_array_equal([begun.loss.least, begun.loss.most], [-np.inf, np.inf])
    assert int(following.account.trials) == 0
    for _ in range(60):
        following = step(PROBLEM, following)
    # Two steps at a time have found the solutions, and are enough for moves that are small.
    assert np.isfinite(following.loss.most)
    exact = quadratic_levels.solutions(PROBLEM, np.asarray(following.regularizer.weights))
    np.testing.assert_allclose(following.x, exact, atol=1e-8)


Y = jnp.ones((2, 5, 6))
EXPERTS = FieldsOfExperts.initial((5, 6), 0)


@pytest.mark.parametrize(
    ("problem", "regularizer", "sentence"),
    [
        (UpperProblem(Mask(Y[0]), Y, Y), EXPERTS, "Mask may have a null space"),
        (
            UpperProblem(Identity(), Y, Y),
            dataclasses.replace(EXPERTS, potential=Lorentzian()),
            "is not convex",
        ),
        (
            UpperProblem(Identity(), Y[0], Y[0]),
            AnalysisL1.initial((6,), 0),
            "AnalysisL1 does not bound how its Hessian varies",
        ),
    ],
)
def test_a_lower_level_without_a_bound_is_refused_with_a_sentence(problem, regularizer, sentence):
    assert sentence in (MAID.supports(problem, regularizer) or "")
    with pytest.raises(ValueError, match=sentence):
        MAID.init(problem, regularizer)


def test_fixed_tolerances_need_no_bound_but_a_hessian():
    masked = UpperProblem(Mask(Y[0]), Y, Y)
    assert FixedTolerances().supports(masked, EXPERTS) is None
    with pytest.raises(ValueError, match="not smooth"):
        FixedTolerances().init(UpperProblem(Identity(), Y[0], Y[0]), AnalysisL1.initial((6,), 0))


def test_a_weight_below_zero_goes_to_zero_and_nothing_else_moves():
    step = dataclasses.replace(EXPERTS, weights=jnp.zeros(8).at[2].set(0.3))
    moved = jax.tree.map(jnp.subtract, EXPERTS, step)
    near = moved.nearest_in_range()
    np.testing.assert_array_equal(near.weights, EXPERTS.weights.at[2].set(0.0))
    np.testing.assert_array_equal(near.filters, moved.filters)
    assert bool(near.in_range())
    assert not bool(moved.in_range())


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [
        (Maid, {"accuracy": 0.0}, "accuracy and step_size must be positive"),
        (Maid, {"adjoint_accuracy": 1.0}, "adjoint_accuracy between 0 and 1"),
        (Maid, {"margin": 1e-4}, "margin must be above the search's decrease"),
        (Maid, {"tighten": 1.0}, "tighten must be between 0 and 1"),
        (Maid, {"most_rounds": 0}, "at least 1"),
        (Backtracking, {"shrink": 1.0}, "between 0 and 1"),
        (FixedTolerances, {"tolerance": 1.0}, "between 0 and 1"),
        (FixedTolerances, {"grow": 0.5}, "at least 1"),
    ],
)
def test_settings_that_do_not_fit(cls, settings, message):
    with pytest.raises(ValueError, match=message):
        cls(**settings)


def test_states_offer_what_every_upper_level_s_does(states):
    state: UpperState = states
    assert state.regularizer is not None
    assert state.loss is not None
    assert state.account is not None
