"""Block-tridiagonal matrices of images against numpy's dense linear algebra."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.solvers.matrices.block_tridiagonal import (
    FoldedRows,
    factorize,
    from_entries,
    solve_factored,
    trace_of_inverse,
)

# One block, two, and more; reaches of one row and of several.
FOLDED = [
    FoldedRows(shape, reach)
    for shape, reach in [((6, 2), 3), ((8, 3), 2), ((8, 4), 1), ((12, 5), 2), ((24, 2), 3)]
]


def _matrix(folded: FoldedRows) -> np.ndarray:
    """A positive definite matrix that couples rows at most `reach` apart, circularly."""
    height, width = folded.shape
    row = np.arange(height * width) // width
    apart = np.abs(row[:, None] - row)
    near = np.minimum(apart, height - apart) <= folded.reach
    drawn = np.random.default_rng(folded.reach).normal(size=near.shape) * near
    return drawn + drawn.T + (np.abs(drawn + drawn.T).sum(axis=1).max() + 1) * np.eye(len(drawn))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _computed(folded, rows, columns, values, rhs):
    factor = factorize(from_entries(folded, np.asarray(rows), np.asarray(columns), values))
    return solve_factored(folded, factor, rhs), trace_of_inverse(factor)


@pytest.mark.parametrize("folded", FOLDED, ids=str)
def test_positions_number_every_pixel_once(folded):
    places = folded.positions()
    assert sorted(places) == list(range(folded.shape[0] * folded.shape[1]))
    assert folded.blocks * folded.size == places.size


@pytest.mark.parametrize("folded", FOLDED, ids=str)
def test_rows_within_reach_lie_in_neighbouring_blocks(folded):
    height = folded.shape[0]
    block = folded.positions().reshape(folded.shape)[:, 0] // folded.size
    for apart in range(folded.reach + 1):
        assert np.abs(block - block[(np.arange(height) + apart) % height]).max() <= 1


@pytest.mark.parametrize("folded", FOLDED, ids=str)
def test_solve_and_trace_are_those_of_the_dense_matrix(folded):
    matrix = _matrix(folded)
    rows, columns = np.nonzero(matrix)
    rhs = np.random.default_rng(1).normal(size=len(matrix))
    values = matrix[rows, columns]
    found, trace = _computed(folded, tuple(rows), tuple(columns), jnp.asarray(values), jnp.asarray(rhs))
    np.testing.assert_allclose(found, np.linalg.solve(matrix, rhs), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(trace, np.trace(np.linalg.inv(matrix)), rtol=1e-12)


def test_entries_of_one_place_add_up_and_those_outside_are_dropped():
    folded = FOLDED[1]
    matrix = _matrix(folded)
    rows, columns = np.nonzero(matrix)
    outside = len(matrix)
    values = jnp.asarray(np.concatenate([matrix[rows, columns] / 2] * 2 + [[7.0, 8.0, 9.0]]))
    rows = np.concatenate([rows, rows, [outside, 0, outside]])
    columns = np.concatenate([columns, columns, [0, outside, outside]])
    once, twice = from_entries(folded, *_entries(matrix)), from_entries(folded, rows, columns, values)
    np.testing.assert_allclose(twice.diagonal, once.diagonal, rtol=1e-15)
    np.testing.assert_allclose(twice.left, once.left, rtol=1e-15)


def _entries(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, jax.Array]:
    rows, columns = np.nonzero(matrix)
    return rows, columns, jnp.asarray(matrix[rows, columns])


def test_a_matrix_that_is_not_positive_definite_has_a_factor_of_nan():
    folded = FOLDED[1]
    factor = factorize(from_entries(folded, *_entries(-_matrix(folded))))
    assert bool(jnp.isnan(factor.diagonal).any())
