"""Operators against explicit sums, and their constructors against wrong input."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators_by_hand import blur_by_hand, correlate_by_hand, matrix_by_hand

from hypergrad_bench.problems import Blur, Dense, FilterBank, ForwardDifferences, Identity, Mask

BOUNDARIES = ("circular", "zero", "reflect", "replicate")
IMAGE = (6, 7)


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _columns(operator, shape):
    """Build the matrix from the library's own responses, all unit vectors in one batch."""
    basis = jnp.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.asarray(jax.vmap(operator)(basis)).reshape(len(basis), -1).T


@pytest.mark.parametrize(("boundary", "size"), list(itertools.product(BOUNDARIES, (1, 2, 3, 4, 5))))
def test_filter_bank_is_the_sum_its_docstring_says(boundary, size):
    filters, x, r = _normal(size, 2, size, size), _normal(1, *IMAGE), _normal(2, 2, *IMAGE)
    bank = FilterBank(jnp.asarray(filters), boundary)
    np.testing.assert_allclose(bank(jnp.asarray(x)), correlate_by_hand(filters, x, boundary), atol=1e-13)
    matrix = matrix_by_hand(lambda x: correlate_by_hand(filters, x, boundary), IMAGE)
    expected = (matrix.T @ r.ravel()).reshape(IMAGE)
    np.testing.assert_allclose(bank.adjoint(jnp.asarray(r)), expected, atol=1e-13)
    norm = np.linalg.norm(matrix, 2) ** 2
    bound = float(bank.squared_norm(IMAGE))
    assert bound >= norm * (1 - 1e-12)
    if boundary == "circular":
        assert bound == pytest.approx(norm, rel=1e-12)


def test_filter_bank_keeps_reflected_pixels_once():
    bank = FilterBank(jnp.asarray([[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]), "reflect")
    x = jnp.arange(9.0).reshape(3, 3)
    # The pixel up and to the left of the corner is the one down and to the right of it.
    assert float(bank(x)[0, 0, 0]) == float(x[1, 1])


def test_the_channels_of_a_colour_image_are_filtered_one_by_one():
    filters, x, r = _normal(0, 2, 3, 3), _normal(1, *IMAGE, 3), _normal(2, 2, *IMAGE, 3)
    bank = FilterBank(jnp.asarray(filters), "replicate")
    for channel in range(3):
        one, back = jnp.asarray(x[..., channel]), jnp.asarray(r[..., channel])
        np.testing.assert_allclose(bank(jnp.asarray(x))[..., channel], bank(one), atol=1e-14)
        np.testing.assert_allclose(bank.adjoint(jnp.asarray(r))[..., channel], bank.adjoint(back), atol=1e-14)
    assert float(bank.squared_norm((*IMAGE, 3))) == float(bank.squared_norm(IMAGE))


@pytest.mark.parametrize("shape", [(7,), (5, 6), (1, 4), (4, 5, 3)], ids=str)
def test_differences_are_zero_at_the_far_border(shape):
    operator, x = ForwardDifferences(), _normal(0, *shape)
    axes = min(len(shape), 2)
    responses = np.asarray(operator(jnp.asarray(x)))
    assert responses.shape == (axes, *shape)
    for axis in range(axes):
        along = np.moveaxis(responses[axis], axis, 0)
        np.testing.assert_array_equal(along[:-1], np.diff(np.moveaxis(x, axis, 0), axis=0))
        assert not along[-1].any()
    matrix = _columns(operator, shape)
    r = _normal(1, *responses.shape)
    np.testing.assert_allclose(np.ravel(operator.adjoint(jnp.asarray(r))), matrix.T @ r.ravel(), atol=1e-14)
    assert operator.squared_norm(shape) == pytest.approx(np.linalg.norm(matrix, 2) ** 2, rel=1e-12)
    if min(shape[:2]) > 1 and axes == 2:
        np.testing.assert_allclose(operator.bank(jnp.float64)(jnp.asarray(x)), responses, atol=1e-14)


@pytest.mark.parametrize(
    ("size", "shape"), [((3,), (8,)), ((4,), (7,)), ((8,), (8,)), ((3, 2), (5, 6)), ((1, 4), (4, 4))]
)
def test_blur_is_a_circular_convolution(size, shape):
    kernel, x, r = _normal(1, *size), _normal(2, *shape), _normal(3, *shape)
    blur = Blur(jnp.asarray(kernel))
    np.testing.assert_allclose(blur(jnp.asarray(x)), blur_by_hand(kernel, x), atol=1e-13)
    matrix = matrix_by_hand(lambda x: blur_by_hand(kernel, x), shape)
    np.testing.assert_allclose(np.ravel(blur.adjoint(jnp.asarray(r))), matrix.T @ r.ravel(), atol=1e-13)
    assert float(blur.squared_norm(shape)) == pytest.approx(np.linalg.norm(matrix, 2) ** 2, rel=1e-12)


def test_blur_with_a_unit_kernel_changes_nothing():
    x = jnp.asarray(_normal(0, 5, 5))
    kernel = jnp.zeros((3, 3)).at[1, 1].set(1.0)
    np.testing.assert_allclose(Blur(kernel)(x), x, atol=1e-15)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_dense_multiplies_by_its_matrix_and_its_transpose(shape):
    matrix, x, r = _normal(0, *shape), _normal(1, shape[1]), _normal(2, shape[0])
    dense = Dense(jnp.asarray(matrix))
    np.testing.assert_allclose(dense(jnp.asarray(x)), matrix @ x, atol=1e-14)
    np.testing.assert_allclose(dense.adjoint(jnp.asarray(r)), matrix.T @ r, atol=1e-14)
    # The 32-norm of the eigenvalues of the Gram matrix: above the largest, by at most the rank's 32nd root.
    eigenvalues = np.linalg.svd(matrix, compute_uv=False) ** 2
    bound = float(dense.squared_norm((shape[1],)))
    assert bound == pytest.approx(np.sum(eigenvalues**32) ** (1 / 32), rel=1e-12)
    excess = bound / eigenvalues.max()
    assert 1 - 1e-12 <= excess <= min(shape) ** (1 / 32) + 1e-12


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_norm_of_a_tiny_or_huge_matrix_neither_vanishes_nor_overflows(scale):
    bound = float(Dense(jnp.asarray(scale * np.diag([1.0, 0.5]))).squared_norm((2,)))
    assert bound == pytest.approx(scale**2, rel=1e-6)
    assert float(Dense(jnp.zeros((2, 2))).squared_norm((2,))) == 0


def test_mask_multiplies_entry_by_entry():
    mask = np.asarray([[1.0, 0.0], [0.5, 2.0]])
    x = _normal(0, 2, 2)
    operator = Mask(jnp.asarray(mask))
    np.testing.assert_array_equal(operator(jnp.asarray(x)), mask * x)
    np.testing.assert_array_equal(operator.adjoint(jnp.asarray(x)), mask * x)
    assert float(operator.squared_norm((2, 2))) == 4.0


def test_identity_returns_what_it_is_given():
    x = jnp.asarray(_normal(0, 3))
    assert Identity()(x) is x
    assert Identity().adjoint(x) is x
    assert Identity().squared_norm((3,)) == 1.0


@pytest.mark.parametrize(
    "operator",
    [
        Dense(jnp.ones((2, 4), jnp.float32)),
        Blur(jnp.ones(3, jnp.float32)),
        Mask(jnp.ones(4, jnp.float32)),
        Identity(),
    ],
    ids=repr,
)
def test_float32_stays_float32(operator):
    x = jnp.arange(4, dtype=jnp.float32)
    response = operator(x)
    assert response.dtype == jnp.float32
    assert operator.adjoint(response).dtype == jnp.float32


def test_the_matrix_of_a_batch_of_unit_vectors_is_the_operator():
    filters = _normal(3, 2, 3, 3)
    matrix = matrix_by_hand(lambda x: correlate_by_hand(filters, x, "zero"), (4, 5))
    np.testing.assert_allclose(_columns(FilterBank(jnp.asarray(filters), "zero"), (4, 5)), matrix, atol=1e-13)


WRONG = {
    "filters that are not square": (
        lambda: FilterBank(jnp.ones((2, 3, 2))),
        ValueError,
        r"filters must be square, of shape \(k, s, s\); got \(2, 3, 2\)",
    ),
    "one filter without its axis": (
        lambda: FilterBank(jnp.ones((3, 3))),
        ValueError,
        r"filters must have shape \(k, s, s\); got shape \(3, 3\)",
    ),
    "an unknown boundary": (
        lambda: FilterBank(jnp.ones((1, 3, 3)), "periodic"),
        ValueError,
        "boundary must be one of .*circular.*zero.*reflect.*replicate.*got 'periodic'",
    ),
    "integer filters": (
        lambda: FilterBank(jnp.ones((1, 3, 3), jnp.int32)),
        TypeError,
        "filters must be a floating-point array.*got dtype int32",
    ),
    "infinite filters": (
        lambda: FilterBank(jnp.ones((1, 3, 3)).at[0, 1, 2].set(jnp.inf)),
        ValueError,
        r"filters must be finite; 1 of its 9 entries.*first at index \(0, 1, 2\)",
    ),
    "an image smaller than a filter": (
        lambda: FilterBank(jnp.ones((1, 5, 5)))(jnp.ones((4, 9))),
        ValueError,
        r"filters of 5 x 5 need an image \(h, w\) or \(h, w, 3\) at least as large; got \(4, 9\)",
    ),
    "a batch of images": (
        lambda: FilterBank(jnp.ones((3, 2, 2)))(jnp.ones((2, 5, 5))),
        ValueError,
        r"filters of 2 x 2 need an image \(h, w\) or \(h, w, 3\) at least as large; got \(2, 5, 5\)",
    ),
    "differences of a batch": (
        lambda: ForwardDifferences()(jnp.ones((2, 5, 5))),
        ValueError,
        r"differences need a signal \(n,\) or an image \(h, w\) or \(h, w, 3\); got shape \(2, 5, 5\)",
    ),
    "differences along one axis alone": (
        lambda: ForwardDifferences().adjoint(jnp.ones((1, 5, 5))),
        ValueError,
        r"differences must have shape \(2, 5, 5\); got \(1, 5, 5\)",
    ),
    "responses of too few filters": (
        lambda: FilterBank(jnp.ones((3, 2, 2))).adjoint(jnp.ones((2, 5, 5))),
        ValueError,
        r"responses must have shape \(3, h, w\) or \(3, h, w, 3\); got \(2, 5, 5\)",
    ),
    "a kernel larger than the signal": (
        lambda: Blur(jnp.ones(9))(jnp.ones(8)),
        ValueError,
        r"kernel of shape \(9,\) does not fit a signal of shape \(8,\)",
    ),
    "a kernel larger than the image": (
        lambda: Blur(jnp.ones((3, 6)))(jnp.ones((5, 5))),
        ValueError,
        r"kernel of shape \(3, 6\) does not fit a signal of shape \(5, 5\)",
    ),
    "a 1-D kernel on an image": (
        lambda: Blur(jnp.ones(3))(jnp.ones((5, 5))),
        ValueError,
        r"kernel of shape \(3,\) does not fit",
    ),
    "a 3-D kernel": (
        lambda: Blur(jnp.ones((3, 3, 3))),
        ValueError,
        r"kernel must have shape \(s,\) or \(s, t\); got shape \(3, 3, 3\)",
    ),
    "a kernel with NaN": (lambda: Blur(jnp.asarray([1.0, jnp.nan])), ValueError, "kernel must be finite"),
    "a bool mask": (
        lambda: Mask(jnp.ones(4, bool)),
        TypeError,
        "mask must be a floating-point array.*got dtype bool",
    ),
    "a list as a mask": (lambda: Mask([1.0, 0.0]), TypeError, "mask must be an array; got list"),
    "a mask of the wrong shape": (
        lambda: Mask(jnp.ones(4))(jnp.ones(5)),
        ValueError,
        r"mask must have the signal's shape \(5,\); got \(4,\)",
    ),
    "a vector as a matrix": (
        lambda: Dense(jnp.ones(4)),
        ValueError,
        r"matrix must have shape \(k, n\); got shape \(4,\)",
    ),
    "a signal of the wrong length": (
        lambda: Dense(jnp.ones((2, 4)))(jnp.ones(3)),
        ValueError,
        r"a matrix of shape \(2, 4\) needs signals of shape \(4,\); got \(3,\)",
    ),
    "a response of the wrong length": (
        lambda: Dense(jnp.ones((2, 4))).adjoint(jnp.ones(4)),
        ValueError,
        r"a matrix of shape \(2, 4\) needs the range of shape \(2,\); got \(4,\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
