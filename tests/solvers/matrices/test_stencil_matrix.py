"""Matrices of near pixels against numpy's dense linear algebra."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.solvers.matrices.nested_dissection import dissect
from hypergrad_bench.solvers.matrices.stencil_matrix import (
    StencilMatrix,
    factorize,
    solve_factored,
    trace_of_inverse,
)

# With every place a pixel and without, one axis not cut, one level of crosses and several.
SHAPES = [
    ((24, 24), (2, 2)),
    ((27, 29), (2, 2)),
    ((20, 45), (2, 1)),
    ((7, 60), (3, 2)),
    ((33, 17), (1, 1)),
]


def _drawn(shape: tuple[int, int], reach: tuple[int, int]) -> tuple[StencilMatrix, np.ndarray]:
    """A positive definite matrix within a reach, as a stencil and as a matrix."""
    size = shape[0] * shape[1]
    i, j = np.divmod(np.arange(size), shape[1])
    matrix = np.zeros((size, size))
    generator = np.random.default_rng(sum(shape))
    places = {}
    for d in range(-reach[0], reach[0] + 1):
        for e in range(-reach[1], reach[1] + 1):
            row = (i + d) % shape[0] * shape[1] + (j + e) % shape[1]
            places[d + reach[0], e + reach[1]] = row
            matrix[row, np.arange(size)] += generator.normal(size=size)
    matrix = matrix + matrix.T
    matrix += (np.abs(matrix).sum(axis=1).max() + 1) * np.eye(size)
    entries = np.zeros((2 * reach[0] + 1, 2 * reach[1] + 1, *shape))
    for place, row in places.items():
        entries[place] = matrix[row, np.arange(size)].reshape(shape)
    return StencilMatrix(jnp.asarray(entries)), matrix


@partial(jax.jit, static_argnums=(0, 1))
def _computed(shape, reach, matrix, rhs):
    dissection = dissect(shape, reach)
    factor = factorize(dissection, matrix)
    return solve_factored(dissection, factor, rhs), trace_of_inverse(dissection, factor)


@pytest.mark.parametrize(("shape", "reach"), SHAPES, ids=str)
def test_solve_and_trace_are_those_of_the_dense_matrix(shape, reach):
    stencil, matrix = _drawn(shape, reach)
    rhs = np.random.default_rng(1).normal(size=shape)
    found, trace = _computed(shape, reach, stencil, jnp.asarray(rhs))
    np.testing.assert_allclose(np.ravel(found), np.linalg.solve(matrix, rhs.ravel()), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(trace, np.trace(np.linalg.inv(matrix)), rtol=1e-12)


def test_a_matrix_that_is_not_positive_definite_has_no_solution():
    shape, reach = SHAPES[0]
    stencil, _ = _drawn(shape, reach)
    negative = StencilMatrix(-stencil.entries)
    found, trace = _computed(shape, reach, negative, jnp.ones(shape))
    assert bool(jnp.isnan(found).all())
    assert bool(jnp.isnan(trace))


def test_a_batch_is_solved_as_its_members_are():
    shape, reach = SHAPES[1]
    stencil, _ = _drawn(shape, reach)
    scales = jnp.asarray([1.0, 3.0])
    rhs = jnp.asarray(np.random.default_rng(2).normal(size=shape))
    found, _ = jax.vmap(lambda scale: _computed(shape, reach, StencilMatrix(scale * stencil.entries), rhs))(
        scales
    )
    alone, _ = _computed(shape, reach, stencil, rhs)
    np.testing.assert_allclose(
        found, np.asarray(alone) / np.reshape(np.asarray(scales), (2, 1, 1)), rtol=1e-12
    )


def test_no_batch_of_factorisations_is_left_to_lapack():
    # JAX 0.10 spreads one over threads that wait for each other; two at a time have hung.
    shape, reach = SHAPES[0]
    stencil, _ = _drawn(shape, reach)
    traced = jax.make_jaxpr(partial(_computed, shape, reach))(stencil, jnp.ones(shape))
    ranks = list(_ranks_of_factorisations(traced.jaxpr))
    assert len(ranks) >= 3
    assert set(ranks) == {2}


def _ranks_of_factorisations(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("cholesky", "triangular_solve"):
            yield equation.invars[0].aval.ndim
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda leaf: hasattr(leaf, "jaxpr")):
            if hasattr(parameter, "jaxpr"):
                yield from _ranks_of_factorisations(parameter.jaxpr)
