"""Nearly dependent active rows: a tolerance that does not tell which are active is told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import Backward, ClosedForm, hypergradient, is_trusted
from hypergrad_bench.problems import AnalysisL1, Dense, Identity, LowerLevel
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, solve

COUNT = 40
GENERATOR = np.random.default_rng(5)
W = GENERATOR.normal(size=(COUNT, 7, 6))
DISTANCE = 10 ** GENERATOR.uniform(-6, 0, size=COUNT)
W[:, 1] = W[:, 0] + DISTANCE[:, None] * GENERATOR.normal(size=(COUNT, 6))
WEIGHT = np.abs(GENERATOR.normal(size=(COUNT, 7))) * 0.5 + np.where(np.arange(7) < 2, 0.6, 0.1)
Y = np.cumsum(GENERATOR.normal(size=(COUNT, 6)), axis=1)
MATRIX, HEIGHTS = jnp.asarray(GENERATOR.normal(size=(7, 6))), jnp.asarray(GENERATOR.normal(size=6))


def outer(x):
    return jnp.vdot(HEIGHTS, x) + jnp.sum(jnp.square(x))


def lower(W, weight, y, identity: bool) -> LowerLevel:
    A, measured = (Identity(), y) if identity else (Dense(MATRIX), MATRIX @ y)
    return LowerLevel(A, measured, AnalysisL1(Dense(W), weight))


def gradients(solver, budget, identity: bool):
    """Return each problem's gradient by y, which is unique, and whether it is to be trusted."""

    def one(W, weight, y):
        found = hypergradient(ClosedForm(), solver, budget, lower(W, weight, y, identity), outer)
        certain = is_trusted(found.solution, found.backward) & (found.solution.certificate.ambiguous == 0)
        return found.gradient.y, certain, found.backward.undecided

    found = jax.jit(jax.vmap(one))(jnp.asarray(W), jnp.asarray(WEIGHT), jnp.asarray(Y))
    return tuple(np.asarray(part) for part in found)


@pytest.mark.parametrize("identity", [True, False], ids=["A = I", "A a matrix"])
def test_wrong_active_rows_are_told_and_right_ones_are_not(identity):
    """At a tolerance of 1e-6 some hold both of two rows 1e-5 apart: a constraint that is not there."""
    exact, sure, undecided = gradients(ActiveSet(), Budget(60, 1e-12, 1), identity)
    assert sure.all()
    assert not undecided.any()
    found, certain, counted = gradients(Admm(), Budget(30_000, 1e-6, 20), identity)
    error = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
    assert np.any((error > 0.01) & (counted > 0))
    assert not np.any((error > 0.01) & certain)
    assert not np.any((error < 1e-4) & (counted > 0))


def test_one_of_them_is_enough_not_to_trust_a_gradient():
    solution = solve(
        ActiveSet(), Budget(60, 1e-12, 1), lower(*map(jnp.asarray, (W[0], WEIGHT[0], Y[0])), True)
    )
    account = Backward(converged=jnp.asarray(True), undecided=jnp.asarray(0))
    assert bool(is_trusted(solution, account))
    assert not bool(is_trusted(solution, account._replace(undecided=jnp.asarray(1))))
