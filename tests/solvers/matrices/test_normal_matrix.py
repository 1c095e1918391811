"""A^T A and W^T diag(d) W of every operator, in both layouts, against matrices built tap by tap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators_by_hand import (
    bank_matrix,
    blur_by_hand,
    blur_matrix,
    correlate_by_hand,
    matrix_by_hand,
    taps_of,
)

from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FilterBank,
    ForwardDifferences,
    Identity,
    LowerLevel,
    Mask,
)
from hypergrad_bench.solvers.matrices.block_tridiagonal import BlockTridiagonal, FoldedRows
from hypergrad_bench.solvers.matrices.normal_matrix import (
    Layout,
    combine,
    data_matrix,
    factorize,
    layout_of,
    rank_of_rows,
    rows_matrix,
    solve_factored,
)

# The height can be folded with a reach of 1, 2, 3 and 6; the last makes one block.
SHAPE, SIGNAL = (12, 5), (11,)
PIXELS = 60


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _lower(A: object = None, W: object = None, shape: tuple[int, ...] = SHAPE) -> LowerLevel:
    A = Identity() if A is None else A
    if W is None:
        W = FilterBank(jnp.ones((1, 2, 2))) if len(shape) == 2 else Dense(jnp.eye(*shape))
    return LowerLevel(A, jnp.ones(jax.eval_shape(A, jnp.ones(shape)).shape), AnalysisL1(W, 1.0))


def _dense(matrix: object, layout: Layout) -> np.ndarray:
    """A matrix of either layout, as one array in the order of the pixels."""
    if not isinstance(matrix, BlockTridiagonal):
        return np.asarray(matrix)
    size, count = layout.folded.size, layout.folded.blocks
    whole = np.zeros((count, size, count, size))
    for j in range(count):
        whole[j, :, j] = matrix.diagonal[j]
        if j:
            whole[j, :, j - 1] = matrix.left[j]
            whole[j - 1, :, j] = np.asarray(matrix.left[j]).T
    place = layout.folded.positions()
    return whole.reshape(count * size, -1)[np.ix_(place, place)]


def _folded(reach: int) -> Layout:
    return Layout(SHAPE, FoldedRows(SHAPE, reach))


MASK = (np.random.default_rng(0).random(SHAPE) > 0.3) * np.random.default_rng(1).uniform(0.5, 2, SHAPE)
# Kernels: odd, even, as long as the image along either axis or along both, and one tap less.
KERNELS = {
    (3, 3): 2,
    (2, 4): 1,
    (4, 2): 3,
    (5, 5): 6,
    (7, 5): 6,
    (11, 4): 6,
    (12, 5): 6,
    (1, 1): 1,
    (7, 3): 6,
}


@pytest.mark.parametrize(("sizes", "reach"), KERNELS.items(), ids=str)
def test_the_normal_matrix_of_a_blur(sizes, reach):
    kernel = _normal(2, *sizes)
    matrix = blur_matrix(kernel, SHAPE)
    for layout in (Layout(SHAPE, None), _folded(reach)):
        ours = data_matrix(_lower(Blur(jnp.asarray(kernel))), layout)
        np.testing.assert_allclose(_dense(ours, layout), matrix.T @ matrix, atol=1e-12)


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _folded(1)], ids=["dense", "folded"])
def test_the_normal_matrices_of_identity_and_mask(layout):
    np.testing.assert_array_equal(_dense(data_matrix(_lower(), layout), layout), np.eye(PIXELS))
    ours = data_matrix(_lower(Mask(jnp.asarray(MASK))), layout)
    np.testing.assert_allclose(_dense(ours, layout), np.diag(MASK.ravel() ** 2), rtol=1e-15)


def test_the_normal_matrices_of_signals():
    matrix, kernel, d = _normal(0, 7, 11), _normal(1, 4), _normal(2, 9)
    W, layout = _normal(3, 9, 11), Layout(SIGNAL, None)
    ours = data_matrix(_lower(Dense(jnp.asarray(matrix)), shape=SIGNAL), layout)
    np.testing.assert_allclose(ours, matrix.T @ matrix, atol=1e-13)
    blurred = blur_matrix(kernel, SIGNAL)
    ours = data_matrix(_lower(Blur(jnp.asarray(kernel)), shape=SIGNAL), layout)
    np.testing.assert_allclose(ours, blurred.T @ blurred, atol=1e-13)
    ours = rows_matrix(_lower(W=Dense(jnp.asarray(W)), shape=SIGNAL), layout, jnp.asarray(d))
    np.testing.assert_allclose(ours, W.T @ (d[:, None] * W), atol=1e-13)


@pytest.mark.parametrize("boundary", ["circular", "zero", "reflect", "replicate"])
@pytest.mark.parametrize(("size", "reach"), [(1, 1), (2, 1), (3, 2), (4, 3), (5, 6)])
def test_the_weighted_normal_matrix_of_a_bank(size, reach, boundary):
    filters, weights = _normal(4, 2, size, size), _normal(5, 2, *SHAPE)
    matrix = bank_matrix(filters, SHAPE, boundary)
    expected = matrix.T @ (weights.reshape(-1, 1) * matrix)
    lower = _lower(W=FilterBank(jnp.asarray(filters), boundary))
    for layout in (Layout(SHAPE, None), _folded(reach)):
        ours = _dense(rows_matrix(lower, layout, jnp.asarray(weights)), layout)
        np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [SHAPE, (3, 4, 3), (7,)], ids=str)
def test_the_weighted_normal_matrix_of_differences(shape):
    W = ForwardDifferences()
    columns = jax.vmap(W)(jnp.eye(int(np.prod(shape))).reshape(-1, *shape))
    matrix, weights = np.asarray(columns).reshape(len(columns), -1).T, _normal(5, *columns.shape[1:])
    lower = _lower(W=W, shape=shape)
    for layout in (Layout(shape, None), *([_folded(1)] if shape == SHAPE else [])):
        ours = _dense(rows_matrix(lower, layout, jnp.asarray(weights)), layout)
        np.testing.assert_allclose(ours, matrix.T @ (weights.reshape(-1, 1) * matrix), atol=1e-12)


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _folded(3)], ids=["dense", "folded"])
def test_a_combination_is_solved(layout):
    kernel, filters, weights = _normal(0, 3, 3), _normal(1, 2, 3, 3), np.abs(_normal(2, 2, *SHAPE))
    lower = _lower(Blur(jnp.asarray(kernel)), FilterBank(jnp.asarray(filters), "zero"))
    A, W, rhs = blur_matrix(kernel, SHAPE), bank_matrix(filters, SHAPE, "zero"), _normal(3, *SHAPE)
    expected = np.linalg.solve(
        A.T @ A + 3 * W.T @ (weights.reshape(-1, 1) * W) + 0.5 * np.eye(PIXELS), rhs.ravel()
    )
    rows = rows_matrix(lower, layout, jnp.asarray(weights))
    factor = factorize(combine(data_matrix(lower, layout), 3.0, rows, 0.5))
    ours = solve_factored(layout, factor, jnp.asarray(rhs))
    np.testing.assert_allclose(np.ravel(ours), expected, atol=1e-12)


LAYOUTS = {
    "a signal": ((600,), None, 3, None),
    "up to 512 pixels": ((16, 32), None, 3, None),
    "a reach that fits": ((24, 24), None, 3, 2),
    "filters of one pixel": ((24, 24), None, 1, 1),
    "a larger reach that fits": ((30, 20), None, 3, 3),
    "none that fits": ((26, 26), None, 3, None),
    "an odd height": ((25, 25), None, 3, None),
    "a kernel that reaches further": ((24, 24), Blur(jnp.ones((5, 3)) / 15), 3, 4),
    "filters that reach further": ((24, 24), Blur(jnp.ones((3, 9)) / 27), 5, 4),
    "a kernel that leaves one block": ((24, 24), Blur(jnp.ones((13, 1)) / 13), 3, None),
    "a mask": ((24, 24), Mask(jnp.ones((24, 24))), 3, 2),
    "a small matrix": ((9,), Dense(jnp.ones((4, 9))), 3, None),
}


@pytest.mark.parametrize(("shape", "A", "size", "reach"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_choice_of_a_layout(shape, A, size, reach):
    bank = FilterBank(jnp.ones((1, size, size))) if len(shape) == 2 else None
    layout = layout_of(_lower(A, bank, shape), shape)
    assert layout == Layout(shape, None if reach is None else FoldedRows(shape, reach))
    assert layout.size == np.prod(shape)


def test_what_can_be_factorized():
    assert Layout((64, 64), None).fits
    assert not Layout((64, 65), None).fits
    assert Layout((256, 256), FoldedRows((256, 256), 2)).fits
    assert not Layout((258, 258), FoldedRows((258, 258), 3)).fits


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _folded(2)], ids=["dense", "folded"])
def test_the_rank_of_rows_of_a_bank(layout):
    filters = _normal(6, 3, 3, 3)
    # Constants are annihilated, and the third filter is a multiple of the first.
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    filters[2] = -2 * filters[0]
    matrix, lower = bank_matrix(filters, SHAPE, "circular"), _lower(W=FilterBank(jnp.asarray(filters)))
    rank = jax.jit(lambda active: rank_of_rows(lower, layout, active))
    ranks = set()
    for share in (0.0, 0.1, 0.3, 0.7, 1.0):
        active = np.random.default_rng(7).random((3, *SHAPE)) < share
        expected = np.linalg.matrix_rank(matrix[active.ravel()]) if share else 0
        assert int(rank(jnp.asarray(active))) == expected
        ranks.add((int(expected), bool(expected < active.sum())))
    assert (PIXELS - 1, True) in ranks
    assert any(number > 0 and not dependent for number, dependent in ranks)


def test_the_rank_of_rows_of_a_matrix():
    W = _normal(8, 9, 11)
    W[4], W[7] = W[1] - W[2], 0.0
    lower, layout = _lower(W=Dense(jnp.asarray(W)), shape=SIGNAL), Layout(SIGNAL, None)
    for active in (np.ones(9, bool), np.arange(9) < 4, np.arange(9) < 5, np.zeros(9, bool)):
        expected = np.linalg.matrix_rank(W[active]) if active.any() else 0
        assert int(rank_of_rows(lower, layout, jnp.asarray(active))) == expected


def test_the_matrices_tap_by_tap_are_those_of_the_sums():
    kernel, filters, shape = _normal(0, 3, 2), _normal(1, 2, 3, 3), (4, 5)
    by_columns = matrix_by_hand(lambda x: blur_by_hand(kernel, x), shape)
    np.testing.assert_allclose(blur_matrix(kernel, shape), by_columns, atol=1e-15)
    for boundary in ("circular", "zero", "reflect", "replicate"):
        by_columns = matrix_by_hand(lambda x, b=boundary: correlate_by_hand(filters, x, b), shape)
        np.testing.assert_allclose(bank_matrix(filters, shape, boundary), by_columns, atol=1e-15)
        cotangent = _normal(2, *by_columns.shape)
        chained = taps_of(cotangent, filters, shape, boundary)
        assert np.isclose(np.sum(chained * filters), np.sum(cotangent * by_columns), rtol=1e-13)
