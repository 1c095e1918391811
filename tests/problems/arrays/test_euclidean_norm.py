"""Norms in any unit, and what measures itself by them: residuals of tiny problems, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm, Unrolled, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    Identity,
    LowerLevel,
    PseudoHuber,
    total_variation,
)
from hypergrad_bench.problems.arrays.euclidean_norm import euclidean_norm
from hypergrad_bench.problems.arrays.safe_root import safe_root
from hypergrad_bench.solvers import Budget, DualFista, GradientDescent, Outcome, PrimalDual, Solver, solve

GENERATOR = np.random.default_rng(0)
W, Y = GENERATOR.normal(size=(7, 8)), np.cumsum(GENERATOR.normal(size=8))


def l1(unit: float, dtype=np.float32) -> LowerLevel:
    """A signal of the size of `unit`, and the weight with it: x* is `unit` times the same numbers."""
    weight = jnp.asarray(unit * 0.3, dtype)
    return LowerLevel(
        Identity(), jnp.asarray(unit * Y, dtype), AnalysisL1(Dense(jnp.asarray(W, dtype)), weight)
    )


def smooth(unit: float) -> LowerLevel:
    start = FieldsOfExperts.initial((4, 4), 0)
    filters, weights = (jnp.asarray(leaf, np.float32) for leaf in (start.filters, start.weights))
    y = jnp.asarray(unit * np.abs(GENERATOR.normal(size=(4, 4))), np.float32)
    return LowerLevel(Identity(), y, FieldsOfExperts(filters, weights, PseudoHuber(0.1 * unit)))


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_a_norm_has_no_favourite_unit(unit):
    x = jnp.asarray(unit * Y, np.float32)
    assert float(euclidean_norm(x)) == pytest.approx(unit * float(np.linalg.norm(Y)), rel=1e-6)
    np.testing.assert_allclose(jax.grad(euclidean_norm)(x), Y / np.linalg.norm(Y), rtol=1e-5)


def test_what_is_zero_empty_or_no_number():
    assert float(euclidean_norm(jnp.zeros(3))) == 0.0
    np.testing.assert_array_equal(jax.grad(euclidean_norm)(jnp.zeros(3)), jnp.zeros(3))
    assert float(euclidean_norm(jnp.zeros((0, 2)))) == 0.0
    assert np.isnan(euclidean_norm(jnp.asarray([1.0, np.nan])))
    assert np.isinf(euclidean_norm(jnp.asarray([1.0, -np.inf])))


@pytest.mark.parametrize("unit", [1e-23, 1e20])
@pytest.mark.parametrize("solver", [DualFista(), PrimalDual()], ids=repr)
def test_a_tiny_signal_is_solved_before_it_is_called_so(solver: Solver, unit):
    """Squares of 1e-23 are zero in float32: every start would be converged."""
    base, found = (
        hypergradient(
            ClosedForm(), solver, Budget(3000, 1e-5), l1(one), lambda x, one=one: jnp.sum((x / one) ** 3)
        )
        for one in (1.0, unit)
    )
    assert int(found.solution.status) == Outcome.CONVERGED
    np.testing.assert_allclose(found.solution.x / unit, base.solution.x, atol=1e-4)
    weights = (float(one.gradient.regularizer.weight) for one in (base, found))
    assert next(weights) == pytest.approx(unit * next(weights), rel=1e-4)


def test_a_tiny_image_does_not_pass_for_solved():
    few = Budget(2, 1e-5, 1)
    base, found = (solve(GradientDescent(), few, smooth(one)) for one in (1.0, 1e-23))
    assert int(base.status) == int(found.status) == Outcome.MAX_STEPS


def test_a_residual_has_a_derivative_where_a_part_of_it_is_zero():
    """Dual FISTA's iterate is stationary by definition: the root of that zero made the whole gradient NaN."""

    def loss(weight):
        lower = LowerLevel(Identity(), jnp.asarray(Y), AnalysisL1(Dense(jnp.asarray(W)), weight))
        return Unrolled()(DualFista(), Budget(3, 0.0), lower).residual

    weight, step = jnp.asarray(0.8), 1e-6
    slope = float(loss(weight + step) - loss(weight - step)) / (2 * step)
    assert abs(slope) > 1e-4
    assert float(jax.grad(loss)(weight)) == pytest.approx(slope, rel=1e-5)


def test_a_root_of_no_number_is_none():
    """A norm of NaN that were zero would pass for solved."""
    assert np.isnan(safe_root(jnp.asarray([jnp.nan, 4.0, 0.0]))[0])
    assert np.isnan(euclidean_norm(jnp.asarray([jnp.nan, 1.0])))
    assert np.isnan(total_variation(1.0, isotropic=True).group_norms(jnp.full((2, 3, 3), jnp.nan))).all()
