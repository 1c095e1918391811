"""An image of which nothing is measured: finite gradients, right ones where the minimiser is unique."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm, Implicit, OneStep, Unrolled, hypergradient, is_trusted
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    LowerLevel,
    Mask,
    WaveletL1,
    WaveletL12,
)
from hypergrad_bench.solvers import Admm, Budget, Gmres, Nesterov, Picard, PrimalDual

NOTHING = Mask(jnp.zeros((8, 8)))
TARGET = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8)))
BUDGET = Budget(200, 1e-8)
RULES = [
    (Implicit(Gmres(), on="fixed-point"), Picard()),
    (OneStep(), Picard()),
    (Unrolled(), Picard()),
    (ClosedForm(), Admm()),
    (ClosedForm(), PrimalDual()),
]


def outer(x):
    return jnp.mean(jnp.square(x - TARGET))


@pytest.mark.parametrize("cls", [WaveletL1, WaveletL12])
@pytest.mark.parametrize(("method", "solver"), RULES, ids=lambda one: repr(one))
def test_wavelets_of_nothing_are_zero_and_stay_zero(cls, method, solver):
    """R alone is minimised, by x = 0 whatever its weights: the derivative is zero."""
    lower = LowerLevel(NOTHING, jnp.zeros((8, 8)), cls.initial((8, 8), 0))
    if solver.supports(lower) or method.supports(solver, lower):
        pytest.skip("not for this regulariser")
    found = hypergradient(method, solver, BUDGET, lower, outer)
    np.testing.assert_array_equal(found.solution.x, 0)
    for leaf in jax.tree.leaves(found.gradient.regularizer):
        np.testing.assert_allclose(leaf, 0, atol=1e-12)
    if found.backward.converged is not None:
        assert is_trusted(found.solution, found.backward)


def test_a_batch_keeps_its_mean():
    """One member without a measurement must not make the others' gradient NaN."""
    start = WaveletL1.initial((8, 8), 0)
    masks = jnp.stack([jnp.ones((8, 8)), jnp.zeros((8, 8))])
    y = jnp.stack([TARGET, jnp.zeros((8, 8))])

    def loss(regularizer, chosen):
        def one(mask, y):
            lower = LowerLevel(Mask(mask), y, regularizer)
            return outer(Implicit(Gmres(), on="fixed-point")(Picard(), BUDGET, lower).x)

        return jnp.sum(jax.vmap(one)(masks[chosen], y[chosen]))

    both = jax.grad(loss)(start, jnp.asarray([0, 1]))
    alone = jax.grad(loss)(start, jnp.asarray([0]))
    np.testing.assert_allclose(both.detail, alone.detail, rtol=1e-8, atol=1e-12)


def test_where_the_minimiser_is_not_unique_the_account_says_so():
    """Experts that do not see a constant: the loss sees it, and no adjoint solves its equation."""
    experts = FieldsOfExperts.initial((8, 8), 0)
    lower = LowerLevel(NOTHING, jnp.zeros((8, 8)), experts)
    found = hypergradient(Implicit(), Nesterov(), BUDGET, lower, outer)
    assert not is_trusted(found.solution, found.backward)


def test_l1_of_an_orthonormal_matrix():
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    lower = LowerLevel(
        Dense(jnp.zeros((4, 6))), jnp.zeros(4), AnalysisL1(Dense(jnp.asarray(rotation)), jnp.asarray(0.3))
    )
    found = hypergradient(ClosedForm(), PrimalDual(), Budget(2000, 1e-9), lower, lambda x: jnp.sum(x - 1))
    np.testing.assert_allclose(found.solution.x, 0, atol=1e-12)
    assert is_trusted(found.solution, found.backward)
    np.testing.assert_allclose(found.gradient.regularizer.weight, 0, atol=1e-12)
