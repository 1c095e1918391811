"""What certified descent rests on: bounds of distances, losses and hypergradients against closed forms."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quadratic_levels
from quadratic_levels import FLAT, PAIRS, SIZE, DiagonalQuadratic

from hypergrad_bench.hypergrad import LossBounds, MeanSquaredError, PairSolves, UpperProblem
from hypergrad_bench.hypergrad.upper_levels import pair_solves
from hypergrad_bench.problems import Identity

PROBLEM = quadratic_levels.problem()
WEIGHTS = np.array([3.0, 1.0, 0.5, 2.0, 0.1, 0.0])
REGULARIZER = DiagonalQuadratic(jnp.asarray(WEIGHTS))
EXACT = quadratic_levels.solutions(PROBLEM, WEIGHTS)


def off(entry: int, size: float) -> jax.Array:
    """Solutions that are wrong in one entry."""
    return jnp.asarray(EXACT + size * np.eye(SIZE)[entry])


def bounded(x: jax.Array) -> tuple[jax.Array, LossBounds]:
    """Bounds of distance and loss at approximate solutions."""
    bound = pair_solves.distances(PROBLEM, REGULARIZER, x)
    return bound, PROBLEM.certified_loss(x, bound)


def holds(x: jax.Array, found: tuple[jax.Array, LossBounds]) -> bool:
    """Whether those bounds are right."""
    bound, loss = found
    apart = np.linalg.norm(np.asarray(x) - EXACT, axis=1)
    true = quadratic_levels.true_loss(PROBLEM, WEIGHTS)
    return bool(np.all(apart <= np.asarray(bound))) and float(loss.least) <= true <= float(loss.most)


def test_distance_and_loss_are_bounded():
    compiled = jax.jit(bounded)
    for entry in range(SIZE):
        for size in (1e-12, 1e-3, -0.5):
            x = off(entry, size)
            assert holds(x, compiled(x))


def test_half_the_bound_would_be_found(monkeypatch):
    """Where the weight is zero the energy is as curved as it is certain to be, and the bound is the error."""
    whole = pair_solves.distance_bound
    monkeypatch.setattr(pair_solves, "distance_bound", lambda lower, x: 0.5 * whole(lower, x))
    x = off(FLAT, 1e-3)
    # Another function than `bounded` itself, whose program may be known already.
    assert not holds(x, jax.jit(lambda x: bounded(x))(x))


def test_the_loss_over_a_ball_is_bounded_and_attained():
    loss = MeanSquaredError()
    x, truth = jnp.asarray([3.0, 4.0]), jnp.zeros(2)
    near = loss.bounds(x, truth, jnp.asarray(1.0))
    np.testing.assert_allclose([near.least, near.value, near.most], [8, 12.5, 18])
    assert [float(loss.value(x * share, truth)) for share in (0.8, 1.2)] == pytest.approx([8, 18])
    assert float(loss.bounds(x, truth, jnp.asarray(6.0)).least) == 0
    steepest = jnp.linalg.norm(jax.grad(loss.value)(x, truth) - jax.grad(loss.value)(truth, truth)) / 5
    assert float(steepest) == pytest.approx(loss.lipschitz((2,)))


@partial(jax.jit, static_argnums=0)
def inexact(solves: PairSolves, accuracy: jax.Array, tolerance: jax.Array) -> Any:
    """A hypergradient from nothing, to accuracies that are arrays: one program serves all."""
    first = solves.first(PROBLEM, REGULARIZER)
    # Its own start is exact where the weight is zero.
    first = first.at[:, FLAT].add(1.0)
    tolerances = pair_solves.tolerances_for(PROBLEM, REGULARIZER, accuracy)
    found = solves.solve(PROBLEM, REGULARIZER, first, tolerances)
    gradient = solves.gradient(PROBLEM, REGULARIZER, found.x, jnp.zeros_like(found.x), tolerance)
    bound = pair_solves.gradient_bound(PROBLEM, REGULARIZER, found.x, gradient.adjoint)
    return found, gradient, bound


def test_accuracies_are_met_and_the_error_of_the_hypergradient_is_bounded():
    exact = quadratic_levels.true_gradient(PROBLEM, WEIGHTS)
    ratios, work = [], []
    for accuracy in (1e-1, 1e-3, 1e-6):
        for tolerance in (0.5, 1e-4):
            found, gradient, bound = inexact(PairSolves(), jnp.asarray(accuracy), jnp.asarray(tolerance))
            apart = np.linalg.norm(np.asarray(found.x) - EXACT, axis=1)
            assert np.all(apart <= accuracy * SIZE**0.5)
            assert bool(gradient.converged)
            error = np.linalg.norm(np.asarray(gradient.value.weights) - exact)
            ratios.append(float(bound) / error)
            work.append((int(found.gradients), int(gradient.products)))
    assert min(ratios) >= 1
    assert np.median(ratios) <= 100
    # More accurate is dearer, each on its own.
    assert work[0][0] < work[2][0] < work[4][0]
    assert work[0][1] < work[1][1]


@jax.jit
def hasty(regularizer: DiagonalQuadratic, x: jax.Array, tolerance: jax.Array) -> pair_solves.Solutions:
    """At most three steps for each pair."""
    return PairSolves(max_steps=3).solve(PROBLEM, regularizer, x, jnp.full(PAIRS, tolerance))


def test_the_work_is_counted():
    """A pair that is solved already is looked at once; three steps are looked at after each."""
    x, tolerance = jnp.asarray(EXACT), jnp.asarray(1e-12)
    assert int(hasty(REGULARIZER, x, tolerance).gradients) == PAIRS
    assert int(hasty(REGULARIZER, x.at[0, FLAT].add(1e-3), tolerance).gradients) == PAIRS + 2 * 3


def test_a_solve_that_leaves_the_numbers_ends_where_it_began():
    broken = DiagonalQuadratic(jnp.asarray(WEIGHTS).at[0].set(jnp.nan))
    found = hasty(broken, PROBLEM.y, jnp.asarray(1e-6))
    np.testing.assert_array_equal(found.x, PROBLEM.y)
    assert not np.any(np.asarray(found.residual) <= 1e-6)


@pytest.mark.parametrize(
    ("y", "truth", "message"),
    [
        (jnp.ones((3, 4)), jnp.ones((2, 4)), "one entry per pair"),
        (jnp.ones(3), jnp.ones(3), "one entry per pair"),
    ],
)
def test_pairs_that_do_not_fit(y, truth, message):
    with pytest.raises(ValueError, match=message):
        UpperProblem(Identity(), y, truth)


@pytest.mark.parametrize("settings", [{"max_steps": 0}, {"check_every": 0}, {"max_products": 0}])
def test_limits_that_allow_nothing(settings):
    with pytest.raises(ValueError, match="at least 1"):
        PairSolves(**settings)
