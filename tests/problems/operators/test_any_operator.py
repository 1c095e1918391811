"""Any linear operator as the analysis operator of an l1 norm: formulas, and the same operator as a matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    Identity,
    LowerLevel,
    Mask,
    WaveletTransform,
    total_variation,
)
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, DualFista, solve

SHAPE, BUDGET = (4, 4), Budget(20_000, 1e-12, 10)
Y = np.random.default_rng(0).normal(size=SHAPE)
WEIGHT = np.random.default_rng(1).uniform(0.1, 0.6, SHAPE)
MASK = Mask(jnp.asarray(np.random.default_rng(3).uniform(0.5, 1, SHAPE)))
KERNEL = jnp.asarray([[0.6, 0.2], [0.1, -0.4]])


def test_an_orthonormal_operator_shrinks_coefficients():
    """x = W^T soft(W y): the solution and its derivative are formulas."""
    W, c = WaveletTransform(2), np.random.default_rng(2).normal(size=SHAPE)

    def loss(y, weight):
        solution = ClosedForm()(ActiveSet(), BUDGET, LowerLevel(Identity(), y, AnalysisL1(W, weight)))
        return jnp.vdot(c, solution.x), solution

    def by_formula(y, weight):
        u = W(y)
        return jnp.vdot(c, W.adjoint(jnp.sign(u) * jnp.maximum(jnp.abs(u) - weight, 0)))

    y, weight = jnp.asarray(Y), jnp.asarray(WEIGHT)
    gradients, solution = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(y, weight)
    expected = jax.grad(by_formula, argnums=(0, 1))(y, weight)
    assert 0 < int(solution.certificate.active_size) < Y.size
    assert int(solution.certificate.ambiguous) == 0
    for found, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_an_operator_is_its_matrix():
    W, A = Blur(KERNEL), MASK
    columns = jax.vmap(W)(jnp.eye(Y.size).reshape(-1, *SHAPE)).reshape(Y.size, -1)
    rows = jax.vmap(A)(jnp.eye(Y.size).reshape(-1, *SHAPE)).reshape(Y.size, -1).T
    c = jnp.asarray(np.random.default_rng(4).normal(size=Y.size))

    def loss(lower):
        return jnp.vdot(c, ClosedForm()(Admm(), BUDGET, lower).x.ravel())

    weight, y = jnp.asarray(WEIGHT), jnp.asarray(Y)
    found = jax.jit(jax.grad(loss))(LowerLevel(A, y, AnalysisL1(W, weight)))
    dense = LowerLevel(Dense(rows), y.ravel(), AnalysisL1(Dense(columns.T), weight.ravel()))
    wanted = jax.jit(jax.grad(loss))(dense)
    np.testing.assert_allclose(found.y.ravel(), wanted.y, atol=1e-9)
    np.testing.assert_allclose(found.regularizer.weight.ravel(), wanted.regularizer.weight, atol=1e-9)
    if isinstance(W, Blur):
        _, pull = jax.vjp(
            lambda k: jax.vmap(Blur(k))(jnp.eye(16).reshape(-1, 4, 4)).reshape(16, -1).T, KERNEL
        )
        np.testing.assert_allclose(
            found.regularizer.W.kernel, pull(wanted.regularizer.W.matrix)[0], atol=1e-8
        )


@pytest.mark.usefixtures("as_users_run")
def test_a_number_as_weight_of_an_operator_without_arrays():
    """It has JAX's precision, and single measurements stay single."""
    regularizer = AnalysisL1(WaveletTransform(1), 0.1)
    assert regularizer.weight.dtype == jnp.float64
    single = LowerLevel(Identity(), jnp.asarray(Y, jnp.float32), total_variation(0.1))
    assert jax.eval_shape(lambda to: solve(DualFista(), Budget(10), to), single).x.dtype == jnp.float32
