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
    MaskedFourier,
    WaveletTransform,
)
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
from hypergrad_bench.solvers.matrices.stencil_matrix import StencilMatrix

SHAPE, SIGNAL = (13, 9), (11,)
PIXELS = 117


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _lower(A: object = None, W: object = None, shape: tuple[int, ...] = SHAPE) -> LowerLevel:
    A = Identity() if A is None else A
    if W is None:
        W = FilterBank(jnp.ones((1, 2, 2))) if len(shape) == 2 else Dense(jnp.eye(*shape))
    return LowerLevel(A, jnp.ones(jax.eval_shape(A, jnp.ones(shape)).shape), AnalysisL1(W, 1.0))


def _dense(matrix: object, layout: Layout) -> np.ndarray:
    """A matrix of either layout, as one array in the order of the pixels."""
    if not isinstance(matrix, StencilMatrix):
        return np.asarray(matrix)
    entries, (height, width) = np.asarray(matrix.entries), layout.shape
    whole = np.zeros((layout.size, layout.size))
    for d, e, i, j in np.ndindex(*entries.shape):
        row = (i + d - entries.shape[0] // 2) % height * width + (j + e - entries.shape[1] // 2) % width
        whole[row, i * width + j] += entries[d, e, i, j]
    return whole


def _local(reach: int) -> Layout:
    return Layout(SHAPE, (reach, reach))


MASK = (np.random.default_rng(0).random(SHAPE) > 0.3) * np.random.default_rng(1).uniform(0.5, 2, SHAPE)
# Kernels: odd, even, as long as the image along either axis or along both, and what they reach if that fits.
KERNELS = {
    (3, 3): (2, 2),
    (2, 4): (1, 3),
    (4, 2): (3, 1),
    (5, 5): (4, 4),
    (7, 5): (6, 4),
    (11, 4): None,
    (13, 9): None,
    (1, 1): (0, 0),
}


@pytest.mark.parametrize(("sizes", "reach"), KERNELS.items(), ids=str)
def test_the_normal_matrix_of_a_blur(sizes, reach):
    kernel = _normal(2, *sizes)
    matrix = blur_matrix(kernel, SHAPE)
    assert Blur(jnp.asarray(kernel)).reach(SHAPE) == reach
    layouts = [None] if reach is None else [None, reach, (reach[0], min(reach[1] + 1, 4))]
    for layout in [Layout(SHAPE, one) for one in layouts]:
        ours = data_matrix(_lower(Blur(jnp.asarray(kernel))), layout)
        np.testing.assert_allclose(_dense(ours, layout), matrix.T @ matrix, atol=1e-12)


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _local(1)], ids=["dense", "local"])
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
@pytest.mark.parametrize(("size", "reach"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 4)])
def test_the_weighted_normal_matrix_of_a_bank(size, reach, boundary):
    filters, weights = _normal(4, 2, size, size), _normal(5, 2, *SHAPE)
    matrix = bank_matrix(filters, SHAPE, boundary)
    expected = matrix.T @ (weights.reshape(-1, 1) * matrix)
    lower = _lower(W=FilterBank(jnp.asarray(filters), boundary))
    for layout in (Layout(SHAPE, None), _local(reach)):
        ours = _dense(rows_matrix(lower, layout, jnp.asarray(weights)), layout)
        np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [SHAPE, (3, 4, 3), (7,)], ids=str)
def test_the_weighted_normal_matrix_of_differences(shape):
    W = ForwardDifferences()
    columns = jax.vmap(W)(jnp.eye(int(np.prod(shape))).reshape(-1, *shape))
    matrix, weights = np.asarray(columns).reshape(len(columns), -1).T, _normal(5, *columns.shape[1:])
    lower = _lower(W=W, shape=shape)
    for layout in (Layout(shape, None), *([_local(1)] if shape == SHAPE else [])):
        ours = _dense(rows_matrix(lower, layout, jnp.asarray(weights)), layout)
        np.testing.assert_allclose(ours, matrix.T @ (weights.reshape(-1, 1) * matrix), atol=1e-12)


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _local(2)], ids=["dense", "local"])
def test_a_combination_is_solved(layout):
    kernel, filters, weights = _normal(0, 3, 3), _normal(1, 2, 3, 3), np.abs(_normal(2, 2, *SHAPE))
    lower = _lower(Blur(jnp.asarray(kernel)), FilterBank(jnp.asarray(filters), "zero"))
    A, W, rhs = blur_matrix(kernel, SHAPE), bank_matrix(filters, SHAPE, "zero"), _normal(3, *SHAPE)
    expected = np.linalg.solve(
        A.T @ A + 3 * W.T @ (weights.reshape(-1, 1) * W) + 0.5 * np.eye(PIXELS), rhs.ravel()
    )
    rows = rows_matrix(lower, layout, jnp.asarray(weights))
    factor = factorize(layout, combine(data_matrix(lower, layout), 3.0, rows, 0.5))
    ours = solve_factored(layout, factor, jnp.asarray(rhs))
    np.testing.assert_allclose(np.ravel(ours), expected, atol=1e-12)


LAYOUTS = {
    "a signal": ((600,), None, 3, None),
    "up to 512 pixels": ((16, 32), None, 3, None),
    "filters": ((24, 24), None, 3, (2, 2)),
    "filters of one pixel": ((24, 24), None, 1, (1, 1)),
    "an odd height": ((25, 25), None, 3, (2, 2)),
    "a kernel that reaches further": ((24, 24), Blur(jnp.ones((5, 3)) / 15), 3, (4, 2)),
    "filters that reach further": ((30, 30), Blur(jnp.ones((3, 9)) / 27), 5, (4, 8)),
    "a kernel that leaves nothing to cut": ((24, 24), Blur(jnp.ones((12, 12)) / 144), 3, None),
    "a kernel that goes round": ((24, 24), Blur(jnp.ones((13, 1)) / 13), 3, None),
    "a mask": ((24, 24), Mask(jnp.ones((24, 24))), 3, (2, 2)),
    "an operator that couples everything": ((24, 24), MaskedFourier(jnp.ones((24, 24))), 3, None),
    "a small matrix": ((9,), Dense(jnp.ones((4, 9))), 3, None),
}


@pytest.mark.parametrize(("shape", "A", "size", "reach"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_choice_of_a_layout(shape, A, size, reach):
    bank = FilterBank(jnp.ones((1, size, size))) if len(shape) == 2 else None
    layout = layout_of(_lower(A, bank, shape), shape)
    assert layout == Layout(shape, reach)
    assert layout.size == np.prod(shape)


def test_colour_images_and_other_operators_are_dense():
    shape = (24, 24)
    colour = LowerLevel(Identity(), jnp.ones((24, 24, 3)), AnalysisL1(FilterBank(jnp.ones((1, 2, 2))), 1.0))
    assert layout_of(colour, (24, 24, 3)).reach is None
    wavelets = WaveletTransform(levels=2)
    assert layout_of(_lower(W=wavelets, shape=shape), shape).reach is None


def test_what_can_be_factorized():
    assert Layout((64, 64), None).fits
    assert not Layout((64, 65), None).fits
    assert Layout((1024, 1024), (2, 2)).fits
    assert not Layout((1024, 1024), (4, 4)).fits


@pytest.mark.parametrize("layout", [Layout(SHAPE, None), _local(2)], ids=["dense", "local"])
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
