"""Implicit differentiation to an accuracy: it is met, a larger one is cheaper, and what limits it."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.measure.accuracy import flatten
from hypergrad_bench.hypergrad import Hypergradient, Implicit, Solved, hypergradient
from hypergrad_bench.problems import (
    Denoising,
    FieldsOfExperts,
    Identity,
    Inpainting,
    Lorentzian,
    LowerLevel,
    Photographs,
    measure,
)
from hypergrad_bench.solvers import Budget, Dense, GradientDescent, Nesterov, Outcome, solve
from hypergrad_bench.solvers.continued import continue_solve, not_begun

SHAPE, BATCH = (8, 8), 3
LIPSCHITZ = 2 / 64
AMPLE = Budget(max_steps=2000, tolerance=1e-1, check_every=1)
ACCURACIES = (1e-1, 1e-3, 1e-6)
REGULARIZER = FieldsOfExperts.initial(SHAPE, 0)
TRUTHS = jnp.asarray(Photographs().sample(SHAPE, BATCH, 0))
Y = measure(Denoising(), np.asarray(TRUTHS), 0)[1]


def to(accuracy: float) -> Implicit:
    return Implicit(accuracy=accuracy, outer_lipschitz=LIPSCHITZ)


def lower_level(y: jax.Array) -> LowerLevel:
    return LowerLevel(Identity(), y, REGULARIZER)


def loss(x: jax.Array, truth: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(x - truth))


def one(method: Implicit, solver: Any, budget: Budget, y: jax.Array, truth: jax.Array) -> Hypergradient:
    found = hypergradient(method, solver, budget, lower_level(y), partial(loss, truth=truth))
    return found._replace(solution=found.solution._replace(state=None))


@partial(jax.jit, static_argnums=(0, 1, 2))
def batch(method: Implicit, solver: Any, budget: Budget) -> Hypergradient:
    return jax.vmap(partial(one, method, solver, budget))(Y, TRUTHS)


@partial(jax.jit, static_argnums=(0, 1))
def through_the_call(method: Implicit, budget: Budget, y: jax.Array, truth: jax.Array) -> FieldsOfExperts:
    def outer(regularizer: FieldsOfExperts) -> jax.Array:
        lower = LowerLevel(Identity(), y, regularizer)
        return loss(method(Nesterov(), budget, lower).x, truth)

    return jax.grad(outer)(REGULARIZER)


def vectors(gradient: Any) -> np.ndarray:
    """One gradient per row, by filters and weights."""
    leaves = [np.asarray(leaf).reshape(BATCH, -1) for leaf in jax.tree.leaves(gradient)]
    return np.concatenate(leaves, axis=1)


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    """Hypergradients from a solve to rounding and a dense adjoint."""
    found = batch(Implicit(Dense()), Nesterov(), Budget(20_000, 1e-14, 50))
    return vectors(found.gradient.regularizer)


@pytest.fixture(scope="module")
def found() -> dict[float, Hypergradient]:
    """A batch at each accuracy."""
    return {accuracy: batch(to(accuracy), Nesterov(), AMPLE) for accuracy in ACCURACIES}


@pytest.mark.parametrize("accuracy", ACCURACIES)
def test_the_accuracy_is_met_and_certified_for_every_member_of_a_batch(accuracy, found, exact):
    result = found[accuracy]
    scale = np.linalg.norm(exact, axis=1)
    errors = np.linalg.norm(vectors(result.gradient.regularizer) - exact, axis=1)
    bounds = np.asarray(result.backward.error_bound)
    assert np.all(errors <= bounds)
    assert np.all(bounds <= accuracy * scale)
    # No more is done than needed: two decades at most are lost to rounds and to the parts of the bound.
    assert np.all(bounds >= 1e-2 * accuracy * scale)
    assert np.all(np.asarray(result.solution.status) == Outcome.CONVERGED)


def test_a_larger_accuracy_is_cheaper(found):
    steps = np.array([found[accuracy].solution.steps for accuracy in ACCURACIES])
    adjoint_steps = np.array([found[accuracy].backward.steps for accuracy in ACCURACIES])
    assert np.all(np.diff(steps, axis=0) > 0)
    assert np.all(np.diff(adjoint_steps, axis=0) >= 0)
    assert np.all(adjoint_steps[-1] > adjoint_steps[0])


def test_a_batch_is_a_loop(found):
    single = jax.jit(partial(one, to(1e-3), Nesterov(), AMPLE))
    for index in range(BATCH):
        alone = single(Y[index], TRUTHS[index])
        assert int(alone.solution.steps) == int(found[1e-3].solution.steps[index])
        expected = vectors(found[1e-3].gradient.regularizer)[index]
        np.testing.assert_allclose(flatten(alone.gradient.regularizer), expected, rtol=1e-8, atol=1e-12)


def test_gradient_descent_and_a_direct_adjoint(exact):
    result = batch(dataclasses.replace(to(1e-2), linear=Dense()), GradientDescent(), AMPLE)
    errors = np.linalg.norm(vectors(result.gradient.regularizer) - exact, axis=1)
    assert np.all(errors <= np.asarray(result.backward.error_bound))
    assert np.all(np.asarray(result.solution.status) == Outcome.CONVERGED)


def test_through_the_call_the_backward_pass_goes_on_from_the_solution_returned(exact):
    method = to(1e-3)
    scale = np.linalg.norm(exact[0])
    tight = through_the_call(method, Budget(2000, 1e-6, 1), Y[0], TRUTHS[0])
    assert np.linalg.norm(flatten(tight) - exact[0]) <= 1e-3 * scale
    # From a loose x the cotangent itself is wrong, which no further step can mend, and the bound says so.
    budget = Budget(2000, 1e-1, 1)
    lower = lower_level(Y[0])
    loose = solve(Nesterov(), budget, lower)
    cotangent = jax.grad(loss)(loose.x, TRUTHS[0])
    gradient, account = jax.jit(
        lambda solution, g: method.backward(Solved(Nesterov(), budget, lower, solution), g)
    )(loose, cotangent)
    error = np.linalg.norm(flatten(gradient.regularizer) - exact[0])
    assert 1e-3 * scale < error <= float(account.error_bound)
    through = through_the_call(method, budget, Y[0], TRUTHS[0])
    np.testing.assert_allclose(flatten(through), flatten(gradient.regularizer), rtol=1e-6, atol=1e-10)


def test_the_budget_limits_the_steps():
    result = batch(to(1e-6), Nesterov(), Budget(6, 1e-1, 1))
    assert np.all(np.asarray(result.solution.steps) <= 6)
    assert np.all(np.asarray(result.solution.status) == Outcome.MAX_STEPS)
    norms = np.linalg.norm(vectors(result.gradient.regularizer), axis=1)
    assert np.all(np.asarray(result.backward.error_bound) > 1e-6 * norms)


def test_continuing_is_solving():
    lower = lower_level(Y[0])
    budget = Budget(500, 1e-9, 3)
    whole = jax.jit(solve, static_argnums=(0, 1))(Nesterov(), budget, lower)

    @jax.jit
    def in_parts(lower: LowerLevel) -> Any:
        ended = not_begun(Nesterov(), lower)
        for tolerance in (1e-2, 1e-5, jnp.inf, 1e-9):
            ended = continue_solve(Nesterov(), budget, lower, ended, jnp.asarray(tolerance))
        return ended

    ended = in_parts(lower)
    assert int(ended.steps) == int(whole.steps)
    np.testing.assert_allclose(ended.state.x, whole.x, rtol=1e-13)


def test_where_nothing_can_be_certified_a_sentence_says_so():
    method = Implicit(accuracy=1e-3)
    assert method.supports(Nesterov(), lower_level(Y[0])) is None
    nonconvex = LowerLevel(
        Identity(), Y[0], FieldsOfExperts(REGULARIZER.filters, REGULARIZER.weights, Lorentzian())
    )
    assert "not convex" in (method.supports(Nesterov(), nonconvex) or "")
    A, y = measure(Inpainting(), np.asarray(TRUTHS), 0)
    masked = LowerLevel(A, y[0], REGULARIZER)
    assert "null space" in (method.supports(Nesterov(), masked) or "")
    assert Implicit().supports(Nesterov(), masked) is None
    with pytest.raises(ValueError, match="null space"):
        hypergradient(method, Nesterov(), AMPLE, masked, jnp.sum)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accuracy": 0.0}, "between 0 and 1"),
        ({"accuracy": 1.0}, "between 0 and 1"),
        ({"accuracy": 1e-3, "on": "fixed-point"}, "on='optimality'"),
        ({"accuracy": 1e-3, "damping": 0.1}, "damping=0"),
        ({"outer_lipschitz": -1.0}, "at least 0"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        Implicit(**settings)
