"""K-space masks and measurements as other programs order them, complex numbers, and masks of lines."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import (
    AnalysisL1,
    LowerLevel,
    MagneticResonance,
    MaskedFourier,
    measure,
)

ZERO, CENTRED = (
    "frequency zero is not measured",
    r"give centred=True if frequency zero is in the mask's middle",
)


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _fastmri(columns: int, seed: int) -> np.ndarray:
    """A mask of lines as fastMRI's RandomMaskFunc makes it: a centre of low frequencies, others at random."""
    low = max(5, round(0.08 * columns))
    mask = np.random.default_rng(seed).random(columns) < 0.2
    pad = (columns - low + 1) // 2
    mask[pad : pad + low] = True
    return mask.astype(np.float64)


def _matrix(operator, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    return np.asarray(jax.vmap(operator)(jnp.eye(size).reshape(size, *shape))).reshape(size, -1).T


ORDERS = {
    "image": ((8, 5), _normal(0, 8, 5), True),
    "signal": ((7,), _normal(1, 7), True),
    "rows of a colour image": ((6, 5, 3), _normal(2, 6, 1), True),
    "columns": ((4, 7), _normal(3, 7), True),
    "columns, zero first": ((4, 7), _normal(3, 1, 7), False),
}


@pytest.mark.parametrize(("shape", "mask", "centred"), ORDERS.values(), ids=ORDERS)
def test_order_and_lines(shape, mask, centred):
    """Against numpy's shifts, a matrix, its eigenvalues and its inverse."""
    operator, x = MaskedFourier(jnp.asarray(mask), centred), _normal(4, *shape)
    axes = tuple(range(min(len(shape), 2)))
    full = np.broadcast_to(mask, shape[:2])[(...,) + (None,) * (len(shape) - len(axes))]
    expected = np.fft.fftn(np.fft.ifftshift(x, axes) if centred else x, axes=axes, norm="ortho")
    expected = full * (np.fft.fftshift(expected, axes) if centred else expected)
    found = np.asarray(operator(jnp.asarray(x)))
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, atol=1e-13)
    matrix = _matrix(operator, shape)
    r = _normal(5, *found.shape)
    np.testing.assert_allclose(np.ravel(operator.adjoint(jnp.asarray(r))), matrix.T @ r.ravel(), atol=1e-13)
    values = np.linalg.eigvalsh(matrix.T @ matrix)
    assert float(operator.squared_norm(shape)) == pytest.approx(values[-1], rel=1e-12)
    assert float(operator.smallest_square(shape)) == pytest.approx(values[0], rel=1e-9)
    inverse = np.linalg.solve(np.eye(x.size) + 0.6 * matrix.T @ matrix, x.ravel())
    resolved = operator.resolvent(jnp.asarray(x), jnp.asarray(0.6))
    np.testing.assert_allclose(np.ravel(resolved), inverse, atol=1e-12)


def test_a_centred_mask_that_is_taken_as_it_is_loses_the_image():
    """What it was before a warning said so: the highest frequencies are kept in place of the lowest."""
    mask, smooth = jnp.asarray(_fastmri(128, 1)), np.outer(np.hanning(6), np.hanning(128))
    with pytest.warns(UserWarning, match=CENTRED):
        wrong = MaskedFourier(mask)
    for operator, least, most in ((wrong, 0.9, 1.0), (MaskedFourier(mask, centred=True), 0.0, 1e-3)):
        back = operator.adjoint(operator(jnp.asarray(smooth)))
        assert least < float(jnp.linalg.norm(back - smooth)) / np.linalg.norm(smooth) <= most


@pytest.mark.parametrize("seed", range(6))
def test_a_centred_mask_that_is_not_said_to_be_is_noticed(seed):
    mask = _fastmri(128, seed)
    with pytest.warns(UserWarning, match=CENTRED):
        MaskedFourier(jnp.asarray(mask))
    with pytest.warns(UserWarning, match="leave centred=True out if the mask begins with frequency zero"):
        MaskedFourier(jnp.asarray(np.fft.ifftshift(mask)), centred=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MaskedFourier(jnp.asarray(mask), centred=True)
        MaskedFourier(jnp.asarray(np.fft.ifftshift(mask)))


def test_the_mean_that_is_not_measured_is_told():
    ring = np.ones((6, 6))
    ring[0, 0] = 0
    with pytest.warns(UserWarning, match=ZERO):
        MaskedFourier(jnp.asarray(ring))
    with pytest.warns(UserWarning, match=ZERO):
        MaskedFourier(jnp.asarray(np.fft.fftshift(ring)), centred=True)
    # A traced mask has no values to look at.
    jax.jit(lambda mask: MaskedFourier(mask)(jnp.ones((6, 6))))(jnp.asarray(ring))


def test_drawn_masks_are_never_suspected():
    for seed in range(20):
        for size in (8, 16, 33):
            for task in (
                MagneticResonance(),
                MagneticResonance(fraction=0.5),
                MagneticResonance(centred=True),
            ):
                mask = task.operator((size, 4), seed).mask
                assert float(mask[(size // 2 if task.centred else 0), 0]) == 1


def test_a_task_in_either_order_measures_the_same_frequencies():
    first, middle = (MagneticResonance(centred=centred).operator((12, 10), 3) for centred in (False, True))
    np.testing.assert_array_equal(np.fft.fftshift(first.mask), middle.mask)
    x = jnp.asarray(_normal(0, 12, 10))
    np.testing.assert_allclose(first.adjoint(first(x)), middle.adjoint(middle(x)), atol=1e-14)


FULL = MaskedFourier(jnp.ones((4, 6)))
SAMPLES = _normal(0, 4, 6) + 1j * _normal(1, 4, 6)
COMPLEX = {
    "an image": (lambda: FULL(jnp.asarray(SAMPLES)), "an image must be real; got dtype complex128"),
    "measurements": (
        lambda: FULL.adjoint(jnp.asarray(SAMPLES)),
        r"measurements must be real; .*jnp\.stack\(\[y\.real, y\.imag\], axis=-1\)",
    ),
    "y": (
        lambda: LowerLevel(FULL, jnp.asarray(SAMPLES), AnalysisL1.initial((4, 6), 0)),
        r"y must be real; .*jnp\.stack\(\[z\.real, z\.imag\], axis=-1\)",
    ),
    "ground truths": (
        lambda: measure(MagneticResonance(), SAMPLES[None], 0),
        "ground truths must be real; got dtype complex128: take their magnitude",
    ),
    "a mask": (
        lambda: MaskedFourier(jnp.asarray(SAMPLES)),
        "mask must be real; got dtype complex128: take its",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("use", "message"), COMPLEX.values(), ids=COMPLEX)
def test_complex_numbers_are_refused_with_what_to_do(use, message):
    with pytest.raises(TypeError, match=message):
        use()


def test_stacked_measurements_are_those_of_the_complex_ones():
    x = _normal(2, 4, 6)
    samples = np.fft.fft2(x, norm="ortho")
    stacked = jnp.stack([jnp.asarray(samples.real), jnp.asarray(samples.imag)], axis=-1)
    np.testing.assert_allclose(FULL.adjoint(stacked), x, atol=1e-14)


@pytest.mark.parametrize(
    ("mask", "shape"), [((5,), (5, 4)), ((1, 4), (5,)), ((5, 1), (4, 5)), ((1,), (4,)), ((5,), (4, 5, 5))]
)
def test_lines_that_do_not_fit_are_refused(mask, shape):
    with pytest.raises(ValueError, match="mask must have the signal's shape"):
        MaskedFourier(jnp.ones(mask))(jnp.ones(shape))
