"""Wavelets against PyWavelets, and their norms against numpy and a numerical minimiser."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import pywt
import scipy.optimize

from hypergrad_bench.problems import WaveletL1, WaveletL12, WaveletTransform
from hypergrad_bench.problems.operators.wavelet_transform import most_levels


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def _by_pywavelets(x: np.ndarray, levels: int, wavelet: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Level value of")  # more levels than it thinks are useful
        coefficients = pywt.wavedec2(x, wavelet, "periodization", level=levels, axes=(0, 1))
    return pywt.coeffs_to_array(coefficients, axes=(0, 1))[0]


@pytest.mark.parametrize(
    ("shape", "levels", "wavelet"),
    [
        ((16, 48), 4, "db4"),
        ((8, 8), 3, "db4"),
        ((2, 6), 1, "db4"),
        ((12, 8), 2, "haar"),
        ((16, 8), 2, "sym5"),
    ],
)
def test_coefficients_are_those_of_pywavelets(shape, levels, wavelet):
    x = _normal(*shape)
    W = WaveletTransform(levels, wavelet)
    np.testing.assert_allclose(W(jnp.asarray(x)), _by_pywavelets(x, levels, wavelet), rtol=0, atol=1e-12)


def test_channels_are_transformed_one_by_one():
    x = _normal(8, 16, 3)
    expected = np.stack([_by_pywavelets(x[..., c], 3, "db4") for c in range(3)], axis=-1)
    np.testing.assert_allclose(WaveletTransform(3)(jnp.asarray(x)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(16, 16), (8, 4, 3)])
def test_the_transform_is_orthonormal(shape):
    W = WaveletTransform(most_levels(shape))
    size = int(np.prod(shape))
    basis = jnp.eye(size).reshape(size, *shape)
    matrix = np.asarray(jax.vmap(W)(basis)).reshape(size, size).T
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(size), rtol=0, atol=1e-12)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(size), rtol=0, atol=1e-12)
    back = np.asarray(jax.vmap(W.adjoint)(basis)).reshape(size, size).T
    np.testing.assert_allclose(back, matrix.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "levels"), [((256, 256), 4), ((8, 8), 3), ((12, 64), 2), ((6, 6, 3), 1), ((48, 48, 3), 4)]
)
def test_levels_divide_the_sides(shape, levels):
    assert most_levels(shape) == levels
    assert WaveletL1.initial(shape, 0).W.levels == WaveletL12.initial(shape, 0).W.levels == levels


def test_a_weight_for_each_scale_band_and_channel():
    """Blocks of the coefficients, read off PyWavelets' slices."""
    shape = (8, 16, 3)
    regularizer = _l1(shape)
    weights = np.asarray(regularizer.weight_like(jnp.zeros(shape)))
    levels = regularizer.W.levels
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Level value of")
        structure = pywt.wavedec2(np.zeros(shape[:2]), "db4", "periodization", level=levels)
    _, slices = pywt.coeffs_to_array(structure)
    detail, approximation = np.exp(regularizer.detail), np.exp(regularizer.approximation)
    np.testing.assert_allclose(weights[slices[0]], np.broadcast_to(approximation, weights[slices[0]].shape))
    for scale in range(levels):
        for band, key in enumerate(("da", "ad", "dd")):
            block = weights[slices[levels - scale][key]]
            np.testing.assert_allclose(block, np.broadcast_to(detail[scale, band], block.shape))


def _l1(shape) -> WaveletL1:
    start = WaveletL1.initial(shape, 0)
    generator = np.random.default_rng(3)
    return dataclasses.replace(
        start,
        detail=jnp.asarray(generator.uniform(-2, 0.5, start.detail.shape)),
        approximation=jnp.asarray(generator.uniform(-2, 0.5, start.approximation.shape)),
    )


def _l12(shape, across: str) -> WaveletL12:
    generator = np.random.default_rng(4)
    detail = generator.uniform(
        -2, 0.5, (most_levels(shape), 3) if across == "channels" else most_levels(shape)
    )
    return WaveletL12(jnp.asarray(detail), jnp.asarray(-0.7), across)


def _groups(regularizer, shape) -> list[tuple[np.ndarray, float]]:
    """The groups of coefficients as flat indices, each with its weight, from the transform's map."""
    W = regularizer.W
    scales, bands = W.scales_and_bands(shape[:2])
    number = np.arange(int(np.prod(shape))).reshape(*shape[:2], -1)
    groups = {}
    for i, j, c in np.ndindex(*number.shape):
        scale, band = int(scales[i, j]), int(bands[i, j])
        coarse = scale == W.levels
        weight = float(
            np.exp(
                regularizer.approximation
                if coarse
                else regularizer.detail[scale, band]
                if regularizer.across == "channels"
                else regularizer.detail[scale]
            )
        )
        if regularizer.across == "channels":
            key = (i, j)
        else:
            top, left = shape[0] >> (scale + 1), shape[1] >> (scale + 1)
            key = (i, j, c, "coarse") if coarse else (scale, i % top, j % left, c)
        groups.setdefault(key, ([], weight))[0].append(number[i, j, c])
    return [(np.asarray(members), weight) for members, weight in groups.values()]


GROUPS = ("channels", "bands")
GROUPED = [((8, 4, 3), "channels"), ((8, 4, 3), "bands"), ((8, 8), "bands")]


@pytest.mark.parametrize(("shape", "across"), GROUPED)
def test_the_group_norm_is_its_sum(shape, across):
    regularizer, x = _l12(shape, across), _normal(*shape)
    u = np.asarray(regularizer.W(jnp.asarray(x))).ravel()
    expected = sum(weight * np.linalg.norm(u[members]) for members, weight in _groups(regularizer, shape))
    assert float(regularizer.value(jnp.asarray(x))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(8, 8), (8, 4, 3)])
def test_moreau_s_identity_for_l1(shape):
    """x = prox of t R at x plus t times the projection of x / t onto the dual ball of R."""
    regularizer, x, step = _l1(shape), jnp.asarray(_normal(*shape)), jnp.asarray(0.7)
    u = np.asarray(regularizer.W(x))
    weight = np.asarray(regularizer.weight_like(jnp.asarray(u)))
    dual = regularizer.W.adjoint(jnp.asarray(np.clip(u / 0.7, -weight, weight)))
    np.testing.assert_allclose(regularizer.prox(x, step) + 0.7 * dual, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("shape", "across"), GROUPED)
def test_moreau_s_identity_for_groups(shape, across):
    regularizer, x, step = _l12(shape, across), jnp.asarray(_normal(*shape)), jnp.asarray(0.7)
    u = np.asarray(regularizer.W(x)).ravel() / 0.7
    dual = np.zeros_like(u)
    for members, weight in _groups(regularizer, shape):
        dual[members] = u[members] * min(1, weight / np.linalg.norm(u[members]))
    projected = regularizer.W.adjoint(jnp.asarray(dual.reshape(shape)))
    np.testing.assert_allclose(regularizer.prox(x, step) + 0.7 * projected, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "regularizer",
    [_l1((4, 4)), _l12((4, 4), "bands"), _l12((4, 2, 3), "channels")],
    ids=["l1", "l12 bands", "l12 channels"],
)
def test_prox_against_a_numerical_minimiser(regularizer):
    """Powell's method knows no derivative; it minimises over the coefficients, where kinks lie on its axes.

    The objective grows from its minimiser by half the squared distance at least, and from no other point.
    """
    shape = (4, 2, 3) if getattr(regularizer, "across", "") == "channels" else (4, 4)
    x, step = jnp.asarray(_normal(*shape)), jnp.asarray(0.4)
    objective = jax.jit(lambda z: step * regularizer.value(z) + 0.5 * jnp.sum(jnp.square(z - x)))
    ours = regularizer.prox(x, step)
    back = jax.jit(lambda u: regularizer.W.adjoint(u.reshape(shape)))
    found = scipy.optimize.minimize(
        lambda u: float(objective(back(jnp.asarray(u)))), np.ravel(regularizer.W(x)), method="Powell"
    )
    found = np.asarray(back(jnp.asarray(found.x)))
    assert np.linalg.norm(found - ours) <= 0.02 * np.linalg.norm(x - ours)
    generator = np.random.default_rng(5)
    moves = [np.asarray(regularizer.W.adjoint(jnp.asarray(generator.normal(size=shape)))) for _ in range(50)]
    units = [np.asarray(regularizer.W.adjoint(unit)) for unit in jnp.eye(x.size).reshape(-1, *shape)]
    for size in (1.0, 1e-3):
        for move in [*moves, *units, *(-unit for unit in units), (found - ours) / size]:
            growth = float(objective(ours + size * move) - objective(ours))
            assert growth >= 0.5 * size**2 * np.sum(move**2) * (1 - 1e-6) - 1e-13


@pytest.mark.parametrize("across", GROUPS)
def test_derivatives_are_finite_at_zero_groups(across):
    regularizer = _l12((4, 4, 3), across)

    def loss(regularizer, x):
        return jnp.sum(jnp.square(regularizer.prox(x, jnp.asarray(0.5)) - 1)) + regularizer.value(x)

    found = jax.grad(loss, argnums=(0, 1))(regularizer, jnp.zeros((4, 4, 3)))
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("regularizer", [_l1((4, 4, 3)), *(_l12((4, 4, 3), one) for one in GROUPS)], ids=repr)
def test_a_proximal_map_is_flat_where_coefficients_vanish(regularizer):
    """All near zero go to zero, and so does the derivative."""
    direction = jnp.asarray(_normal(4, 4, 3))
    near = regularizer.prox(1e-6 * direction, jnp.asarray(0.5))
    moved = jax.jvp(lambda x: regularizer.prox(x, jnp.asarray(0.5)), (jnp.zeros((4, 4, 3)),), (direction,))[1]
    np.testing.assert_array_equal(near, 0)
    np.testing.assert_array_equal(moved, 0)


WRONG = {
    "a wavelet that is not orthogonal": (
        lambda: WaveletTransform(2, "bior2.2"),
        "orthogonal wavelet.*'bior2.2'",
    ),
    "an unknown wavelet": (lambda: WaveletTransform(2, "db0"), "got 'db0'"),
    "no level": (lambda: WaveletTransform(0), "levels must be a whole number, at least 1; got 0"),
    "sides that do not divide": (
        lambda: WaveletTransform(3)(jnp.ones((8, 12))),
        r"3 levels of wavelets need sides that 8 divides; got shape \(8, 12\)",
    ),
    "a signal": (lambda: WaveletTransform(1)(jnp.ones(8)), r"need an image \(h, w\) or \(h, w, 3\)"),
    "odd sides": (lambda: WaveletL1.initial((7, 8), 0), "with even sides; got shape"),
    "grey weights for colour": (
        lambda: WaveletL1.initial((8, 8), 0).value(jnp.ones((8, 8, 3))),
        r"these weights are for grey images \(h, w\); got shape \(8, 8, 3\)",
    ),
    "channels of a grey image": (
        lambda: WaveletL12.initial((8, 8, 3), 0).value(jnp.ones((8, 8))),
        "groups across channels need a colour image",
    ),
    "unknown groups": (
        lambda: WaveletL12(jnp.ones(2), jnp.ones(()), "scales"),
        r"across must be one of \('channels', 'bands'\); got 'scales'",
    ),
    "weights of other groups": (
        lambda: WaveletL12(jnp.ones(2), jnp.ones(()), "channels"),
        r"detail must have shape \('levels', 3\) across channels; got \(2,\)",
    ),
    "weights of the wrong shape": (
        lambda: WaveletL1(jnp.ones((2, 3)), jnp.ones(1)),
        r"detail must have shape \(levels, 3, 1 or 3\); got \(2, 3\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_filters_that_are_cut_off_are_no_orthogonal_wavelet():
    """PyWavelets calls "dmey" orthogonal; its shifts are not, by 2e-3."""
    with pytest.raises(ValueError, match="orthogonal wavelet"):
        WaveletTransform(1, "dmey")
