"""CONVERGED means the same whatever the norm of A."""

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm, hypergradient
from hypergrad_bench.problems import AnalysisL1, Dense, LowerLevel
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, Outcome, PrimalDual

GENERATOR = np.random.default_rng(0)
Y = np.cumsum(GENERATOR.normal(size=12))
W = Dense(jnp.asarray(np.diff(np.eye(12), axis=0) + 0.05 * GENERATOR.normal(size=(11, 12))))
TARGET = jnp.asarray(GENERATOR.normal(size=12))


def outer(x):
    return jnp.mean(jnp.square(x - TARGET))


def scaled(a: float) -> LowerLevel:
    """A = a I, y times a, the weight times a^2: x* is the same."""
    regularizer = AnalysisL1(W, jnp.asarray(0.2 * a**2))
    return LowerLevel(Dense(a * jnp.eye(12)), jnp.asarray(a * Y), regularizer)


@pytest.mark.parametrize("a", [0.01, 100.0])
@pytest.mark.parametrize("solver", [Admm(), PrimalDual()], ids=repr)
def test_a_scaled_identity_ends_as_the_identity_does(solver, a):
    """At a loose tolerance, where the unit decided when to stop: same steps, same status, same gradient."""
    budget = Budget(5000, 1e-5, 1)
    base, other = (hypergradient(ClosedForm(), solver, budget, scaled(b), outer) for b in (1.0, a))
    assert int(base.solution.status) == int(other.solution.status) == Outcome.CONVERGED
    assert abs(int(base.solution.steps) - int(other.solution.steps)) <= 1
    np.testing.assert_allclose(other.solution.x, base.solution.x, atol=1e-6)
    ours = float(other.gradient.regularizer.weight) * a**2
    assert ours == pytest.approx(float(base.gradient.regularizer.weight), rel=1e-3)


@pytest.mark.parametrize("solver", [Admm(), PrimalDual()], ids=repr)
def test_a_gaussian_matrix_of_large_norm(solver):
    """80 x 60, squared norm some 270: at a tolerance of 1e-4 the gradient is that of a certified solution."""
    generator = np.random.default_rng(1)
    A = Dense(jnp.asarray(generator.normal(size=(80, 60))))
    truth = np.repeat(generator.normal(size=6), 10)
    y = A(jnp.asarray(truth)) + 0.1 * jnp.asarray(generator.normal(size=80))
    differences = Dense(jnp.asarray(np.diff(np.eye(60), axis=0)))
    lower = LowerLevel(A, y, AnalysisL1(differences, jnp.asarray(5.0)))
    target = jnp.asarray(truth)

    def loss(x):
        return jnp.mean(jnp.square(x - target))

    exact = hypergradient(ClosedForm(), ActiveSet(), Budget(60, 1e-12, 1), lower, loss)
    assert bool(exact.solution.certificate.certified)
    found = hypergradient(ClosedForm(), solver, Budget(20_000, 1e-4, 1), lower, loss)
    assert int(found.solution.status) == Outcome.CONVERGED
    right = float(exact.gradient.regularizer.weight)
    wrong = abs(float(found.gradient.regularizer.weight) - right)
    # Right, or told: rows that the solve's own error could move are counted.
    assert wrong < 1e-2 * abs(right) or int(found.solution.certificate.ambiguous) > 0
