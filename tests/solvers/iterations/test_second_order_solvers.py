"""L-BFGS and truncated Newton: right solutions, one evaluation a step, hard energies, batches."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from hypergrad_bench.hypergrad import Implicit, hypergradient
from hypergrad_bench.problems import (
    Blur,
    ConvexRidge,
    FieldsOfExperts,
    Identity,
    Lorentzian,
    LowerLevel,
    PseudoHuber,
    WeaklyConvexRidge,
)
from hypergrad_bench.problems.operators.convolution_chain import initial_chain
from hypergrad_bench.solvers import Budget, Dense, Lbfgs, Nesterov, NewtonCg, Outcome, solve
from hypergrad_bench.solvers.iterations.trial_step import Slope, is_enough, shorter
from hypergrad_bench.solvers.iterations.truncated_newton_direction import truncated_newton_direction

SHAPE = (7, 6)
BOTH = [Lbfgs(), NewtonCg()]
TIGHT = Budget(2000, 1e-10)


def _y(seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=SHAPE))


def _experts(potential):
    regularizer = dataclasses.replace(FieldsOfExperts.initial(SHAPE, 0), potential=potential)
    kernel = jnp.asarray([[0.1, 0.3], [0.5, 0.1]])
    return LowerLevel(Blur(kernel), _y(), regularizer)


def _ridge(cls, beta=3.0):
    parameters = {"alpha": jnp.asarray(0.5), "scale": jnp.asarray(0.3), "beta": jnp.asarray(beta)}
    regularizer = cls(**parameters, scaling=jnp.linspace(0.0, 1.0, 5), W=initial_chain(0, (2, 3, 5), 3))
    return LowerLevel(Identity(), _y(), regularizer)


CASES = {
    "pseudo-Huber": lambda: _experts(PseudoHuber(0.1)),
    "Lorentzian": lambda: _experts(Lorentzian(0.5)),
    "ridge": lambda: _ridge(ConvexRidge),
    "weakly convex ridge": lambda: _ridge(WeaklyConvexRidge),
}


@functools.partial(jax.jit, static_argnums=(0, 1))
def _solve(solver, budget, lower):
    return solve(solver, budget, lower)._replace(state=None)


@pytest.mark.parametrize("solver", BOTH, ids=repr)
@pytest.mark.parametrize("name", CASES)
def test_it_ends_where_scipy_does(solver, name):
    lower = CASES[name]()
    found = _solve(solver, TIGHT, lower)
    assert int(found.status) == Outcome.CONVERGED
    gradient = np.asarray(lower.gradient(found.x))
    relative = np.linalg.norm(gradient) / np.linalg.norm(lower.A.adjoint(lower.y))
    assert relative == pytest.approx(float(found.residual), rel=1e-6, abs=1e-15)
    energy = jax.jit(lambda x: lower.value(x.reshape(SHAPE)))
    slope = jax.jit(lambda x: jnp.ravel(lower.gradient(x.reshape(SHAPE))))
    ours = np.ravel(found.x)
    # From where the solver ended: a nonconvex energy has other minimisers.
    start = ours + 1e-3 * np.random.default_rng(1).normal(size=ours.size)
    theirs = scipy.optimize.minimize(energy, start, jac=slope, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(ours, theirs.x, atol=1e-6)


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_a_convex_solution_is_that_of_a_first_order_method(solver):
    lower = _ridge(ConvexRidge)
    slow = _solve(Nesterov(), Budget(20_000, 1e-10), lower)
    assert int(slow.status) == Outcome.CONVERGED
    np.testing.assert_allclose(_solve(solver, TIGHT, lower).x, slow.x, atol=1e-8)


def test_a_solution_lies_in_both_pieces_of_a_ridge():
    """The cases above cross kinks: some responses end inside the quadratic piece, others beyond it."""
    lower = _ridge(ConvexRidge)
    x = _solve(NewtonCg(), TIGHT, lower).x
    ridge = lower.regularizer
    responses = jnp.exp(ridge.beta + ridge.scaling)[:, None, None] * ridge.W(jnp.exp(ridge.scale) * x)
    inside = float(jnp.mean(jnp.abs(responses) < 1))
    assert 0.05 < inside < 0.95


@pytest.mark.parametrize("solver", BOTH, ids=repr)
@pytest.mark.parametrize("name", ["pseudo-Huber", "weakly convex ridge"])
def test_the_hypergradient_is_that_of_another_solver(solver, name):
    lower = CASES[name]()

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(solver, lower):
        return hypergradient(Implicit(Dense()), solver, TIGHT, lower, lambda x: jnp.sum(jnp.sin(x))).gradient

    ours = gradient(solver, lower)
    theirs = gradient(Lbfgs(memory=3) if solver == NewtonCg() else NewtonCg(), lower)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("solver", BOTH, ids=repr)
@pytest.mark.parametrize("beta", [3.0, 6.4])
def test_single_precision_reaches_a_residual_of_1e_5_on_steep_ridges(solver, beta):
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), _ridge(ConvexRidge, beta))
    found = _solve(solver, Budget(2000, 1e-5), single)
    assert int(found.status) == Outcome.CONVERGED
    assert found.x.dtype == jnp.float32


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_beyond_the_rounding_floor_steps_are_used_up_and_the_solution_stays(solver):
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), _experts(PseudoHuber(0.1)))
    found = _solve(solver, Budget(300, 1e-12), single)
    assert int(found.status) == Outcome.MAX_STEPS
    assert float(found.residual) < 1e-5
    assert float(_solve(solver, Budget(600, 1e-12), single).residual) < 1e-5


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_without_a_weight_the_measurement_is_the_solution(solver):
    experts = FieldsOfExperts.initial(SHAPE, 0)
    lower = LowerLevel(Identity(), _y(), dataclasses.replace(experts, weights=0 * experts.weights))
    found = _solve(solver, TIGHT, lower)
    assert int(found.status) == Outcome.CONVERGED
    assert int(found.steps) == 1
    np.testing.assert_array_equal(found.x, lower.y)


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_a_measurement_of_zeros_has_the_solution_zero(solver):
    lower = _experts(PseudoHuber(0.1))
    found = _solve(solver, TIGHT, lower.replace(y=0 * lower.y))
    assert int(found.status) == Outcome.CONVERGED
    np.testing.assert_array_equal(found.x, 0)


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_nan_ends_as_not_finite(solver):
    lower = _experts(PseudoHuber(0.1))
    poisoned = jax.tree.map(lambda leaf: leaf * jnp.nan, lower)
    assert int(_solve(solver, TIGHT, poisoned).status) == Outcome.NOT_FINITE


@pytest.mark.parametrize("solver", BOTH, ids=repr)
def test_members_of_a_batch_end_as_they_do_alone(solver):
    lower = _ridge(ConvexRidge)
    ys = jnp.stack([_y(1), 0.03 * _y(2), 3 * _y(3)])
    together = jax.jit(jax.vmap(lambda y: solve(solver, TIGHT, lower.replace(y=y))._replace(state=None)))(ys)
    alone = [_solve(solver, TIGHT, lower.replace(y=y)) for y in ys]
    assert len({int(one.steps) for one in alone}) > 1
    for index, one in enumerate(alone):
        np.testing.assert_allclose(together.x[index], one.x, atol=1e-8)
        assert abs(int(together.steps[index]) - int(one.steps)) <= 3
        assert int(together.status[index]) == Outcome.CONVERGED


def test_a_step_of_lbfgs_evaluates_once(monkeypatch):
    lower, counts = _experts(PseudoHuber(0.1)), {"value": 0, "gradient": 0}
    for name in counts:
        original = getattr(FieldsOfExperts, name)

        def counted(self, x, name=name, original=original):
            counts[name] += 1
            return original(self, x)

        monkeypatch.setattr(FieldsOfExperts, name, counted)
    state = jax.eval_shape(Lbfgs().init, lower)
    counts.update(value=0, gradient=0)
    state = jax.eval_shape(Lbfgs().step, lower, state)
    assert counts == {"value": 1, "gradient": 1}
    jax.eval_shape(Lbfgs().residual, lower, state)
    assert counts == {"value": 1, "gradient": 1}


def test_newton_needs_few_steps_where_the_energy_is_smooth():
    assert int(_solve(NewtonCg(), TIGHT, _experts(PseudoHuber(0.1))).steps) <= 10


def _direction(matrix, gradient, forcing):
    return truncated_newton_direction(lambda v: jnp.asarray(matrix) @ v, jnp.asarray(gradient), forcing, 50)


def test_a_positive_system_is_solved_as_far_as_the_forcing_asks():
    draws = np.random.default_rng(0).normal(size=(6, 6))
    matrix, g = draws @ draws.T / 20 + 0.05 * np.eye(6), draws[0]
    np.testing.assert_allclose(
        _direction(matrix, g, jnp.asarray(1e-12)), -np.linalg.solve(matrix, g), rtol=1e-8
    )
    rough = np.asarray(_direction(matrix, g, jnp.asarray(0.3)))
    assert 1e-3 < np.linalg.norm(matrix @ rough + g) / np.linalg.norm(g) <= 0.3
    np.testing.assert_array_equal(_direction(matrix, g, jnp.asarray(1.0)), -g)


@pytest.mark.parametrize("negative", [1, 6])
def test_along_a_direction_of_an_indefinite_system_the_energy_falls(negative):
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    matrix = basis @ np.diag([-0.5] * negative + [0.7] * (6 - negative)) @ basis.T
    g = np.random.default_rng(2).normal(size=6)
    direction = np.asarray(_direction(matrix, g, jnp.asarray(1e-8)))
    assert np.isfinite(direction).all()
    assert direction @ g < 0


def test_a_step_that_leads_up_or_nowhere_is_refused():
    def judged(e0, s0, e1, s1):
        start, end = (Slope(jnp.asarray(e), jnp.asarray(s)) for e, s in ((e0, s0), (e1, s1)))
        length = jnp.asarray(1.0)
        return bool(is_enough(start, end, length)), float(shorter(start, end, length))

    assert judged(1.0, -1.0, 0.6, 0.1)[0]
    assert not judged(1.0, 1.0, 0.6, 0.1)[0]
    assert judged(1.0, -1.0, 1.2, 1.0) == (False, 0.5)
    assert judged(1.0, -1.0, 30.0, 99.0) == (False, pytest.approx(0.1))
    assert judged(1.0, -1.0, np.inf, np.nan) == (False, pytest.approx(0.1))
    # Energies that rounding cannot tell apart: slopes decide.
    assert judged(1.0, -1e-20, 1.0 + 2e-16, 1e-21)[0]
    assert not judged(1.0, -1e-20, 1.0 + 2e-16, 2e-20)[0]


@pytest.mark.parametrize("wrong", [0, -3])
def test_a_step_without_a_product_is_refused(wrong):
    with pytest.raises(ValueError, match=f"most_products must be at least 1; got {wrong}"):
        NewtonCg(most_products=wrong)
