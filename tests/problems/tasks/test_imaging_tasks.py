"""Super-resolution and magnetic resonance, and colour images, against sums and matrices in numpy."""

import importlib.resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io
from operators_by_hand import blur_by_hand, matrix_by_hand

from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    ColorPhotographs,
    DecimatedBlur,
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Identity,
    Inpainting,
    KernelFile,
    LowerLevel,
    MagneticResonance,
    Mask,
    MaskedFourier,
    MotionKernel,
    Photographs,
    SuperResolution,
    measure,
)
from hypergrad_bench.problems.arrays.largest_eigenvalue import largest_eigenvalue
from hypergrad_bench.problems.files.luma import luma, rgb
from hypergrad_bench.solvers import Admm, Budget, solve
from hypergrad_bench.solvers.matrices.circulant import is_circulant, spectrum_of


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _gram(operator, shape) -> np.ndarray:
    size = int(np.prod(shape))
    columns = np.asarray(jax.vmap(operator)(jnp.eye(size).reshape(size, *shape))).reshape(size, -1)
    return columns @ columns.T


@pytest.mark.parametrize(
    ("shape", "size", "factor"), [((6, 9), (3, 2), 3), ((4, 8), (4, 5), 2), ((8,), (3,), 2)]
)
def test_decimated_blur_is_its_sum(shape, size, factor):
    kernel, x = _normal(0, *size), _normal(1, *shape)
    operator = DecimatedBlur(jnp.asarray(kernel), factor)
    kept = (slice(None, None, factor),) * len(shape)
    np.testing.assert_allclose(operator(jnp.asarray(x)), blur_by_hand(kernel, x)[kept], atol=1e-13)
    matrix = matrix_by_hand(lambda x: blur_by_hand(kernel, x)[kept], shape)
    r = _normal(2, *operator(jnp.asarray(x)).shape)
    np.testing.assert_allclose(np.ravel(operator.adjoint(jnp.asarray(r))), matrix.T @ r.ravel(), atol=1e-13)
    assert float(operator.squared_norm(shape)) == pytest.approx(np.linalg.norm(matrix, 2) ** 2, rel=1e-12)
    inverse = np.linalg.solve(np.eye(x.size) + 0.6 * matrix.T @ matrix, x.ravel())
    found = operator.resolvent(jnp.asarray(x), jnp.asarray(0.6))
    np.testing.assert_allclose(np.ravel(found), inverse, atol=1e-12)


@pytest.mark.parametrize("shape", [(7,), (8, 5)])
def test_masked_fourier_is_its_sum(shape):
    mask, x = _normal(0, *shape), _normal(1, *shape)
    operator = MaskedFourier(jnp.asarray(mask))
    expected = mask * np.fft.fftn(x) / np.sqrt(x.size)
    found = np.asarray(operator(jnp.asarray(x)))
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, atol=1e-13)
    gram = _gram(operator, shape)
    values = np.linalg.eigvalsh(gram)
    assert float(operator.squared_norm(shape)) == pytest.approx(values[-1], rel=1e-12)
    assert float(operator.smallest_square(shape)) == pytest.approx(values[0], rel=1e-9)
    inverse = np.linalg.solve(np.eye(x.size) + 0.6 * gram, x.ravel())
    np.testing.assert_allclose(
        np.ravel(operator.resolvent(jnp.asarray(x), jnp.asarray(0.6))), inverse, atol=1e-12
    )


def test_masked_fourier_keeps_energy_where_everything_is_measured():
    x = jnp.asarray(_normal(0, 6, 8))
    operator = MaskedFourier(jnp.ones((6, 8)))
    assert float(jnp.sum(operator(x) ** 2)) == pytest.approx(float(jnp.sum(x**2)), rel=1e-14)
    np.testing.assert_allclose(operator.adjoint(operator(x)), x, atol=1e-14)


def test_masked_fourier_is_diagonal_in_the_fourier_basis():
    """What makes the x-update of ADMM one division."""
    operator = MaskedFourier(jnp.asarray(_normal(0, 6, 5)))
    assert is_circulant(operator)
    impulse = jnp.zeros((6, 5)).at[0, 0].set(1)
    spectrum, x = spectrum_of(operator, impulse), jnp.asarray(_normal(1, 6, 5))
    by_spectrum = np.fft.irfft2(np.asarray(spectrum) * np.fft.rfft2(x), s=(6, 5))
    np.testing.assert_allclose(by_spectrum, operator.adjoint(operator(x)), atol=1e-13)


COLOUR = (4, 6, 3)


@pytest.mark.parametrize(
    ("operator", "grey"),
    [
        (Blur(jnp.asarray(_normal(0, 3, 2))), None),
        (Mask(jnp.asarray(_normal(0, 4, 6))), None),
        (DecimatedBlur(jnp.asarray(_normal(0, 3, 3))), None),
        (MaskedFourier(jnp.asarray(_normal(0, 4, 6))), None),
        (Identity(), None),
    ],
    ids=lambda one: type(one).__name__,
)
def test_colour_is_channel_by_channel(operator, grey):
    x = jnp.asarray(_normal(1, *COLOUR))
    image = operator(x)
    channels = [operator(x[..., c]) for c in range(3)]
    axis = 2 if isinstance(operator, MaskedFourier) else -1
    np.testing.assert_allclose(image, jnp.stack(channels, axis=axis), atol=1e-14)
    gram = _gram(operator, COLOUR)
    assert float(operator.squared_norm(COLOUR)) == pytest.approx(np.linalg.norm(gram, 2), rel=1e-12)
    r = jnp.asarray(_normal(2, *image.shape))
    gap = abs(float(jnp.vdot(image, r) - jnp.vdot(x, operator.adjoint(r))))
    assert gap <= 1e-12 * float(jnp.linalg.norm(image.ravel()) * jnp.linalg.norm(r.ravel()))


@pytest.mark.parametrize(
    "task", [Denoising(), Inpainting(), Deconvolution(), SuperResolution(), MagneticResonance()]
)
def test_every_task_measures_in_colour(task):
    truths = ColorPhotographs().sample((8, 10, 3), 2, 0)
    A, y = measure(task, truths, 0)
    assert A.adjoint(y[0]).shape == (8, 10, 3)
    grey = task.operator((8, 10), 0)
    assert jax.tree.structure(A) == jax.tree.structure(grey)
    for one, other in zip(jax.tree.leaves(A), jax.tree.leaves(grey), strict=True):
        np.testing.assert_array_equal(one, other)


def test_colour_photographs_are_those_of_the_wheel_in_colour():
    crops = ColorPhotographs(scale=1).sample((16, 16, 3), 4, 0)
    assert crops.shape == (4, 16, 16, 3)
    assert crops.min() >= 0
    assert crops.max() <= 1
    assert np.abs(crops[..., 0] - crops[..., 2]).mean() > 0.01
    assert Photographs().supports((16, 16, 3)) is not None
    assert "16, 16" in ColorPhotographs().supports((16, 16))
    assert "not every colour photograph holds" in ColorPhotographs().supports((2000, 16, 3))


def test_rgb_and_luma_read_the_same_file():
    content = importlib.resources.files("skimage").joinpath("data", "coffee.png").read_bytes()
    colours = rgb(content, "coffee.png")
    np.testing.assert_allclose(colours @ [0.299, 0.587, 0.114], luma(content, "coffee.png"), atol=1e-14)
    grey = importlib.resources.files("skimage").joinpath("data", "camera.png").read_bytes()
    np.testing.assert_array_equal(rgb(grey, "c")[..., 1], luma(grey, "c"))


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 1.0])
def test_magnetic_resonance_keeps_whole_lines_around_zero(fraction):
    mask = np.asarray(MagneticResonance(fraction, centre=0.08).operator((100, 60), 3).mask)
    lines = mask[:, 0]
    np.testing.assert_array_equal(mask, np.broadcast_to(lines[:, None], mask.shape))
    assert lines.sum() == round(100 * fraction)
    np.testing.assert_array_equal(lines[[0, 1, 2, 3, -1, -2, -3]], 1)
    other = np.asarray(MagneticResonance(fraction).operator((100, 60), 4).mask)
    assert np.array_equal(mask, other) == (fraction == 1.0)


@pytest.mark.parametrize("shape", [(16,), (8, 8), (64, 48)])
def test_motion_kernels_fit_and_sum_to_one(shape):
    taps = MotionKernel().taps(shape)
    assert taps.shape == tuple(min(25, (min(shape) - 1) // 2 * 2 + 1) for _ in shape)
    assert taps.min() >= 0
    assert taps.sum() == pytest.approx(1, rel=1e-14)
    # Neither a point nor cut off at its border.
    assert taps.max() < 0.5
    border = taps.sum() - taps[(slice(1, -1),) * len(shape)].sum()
    assert border < 0.2


def _kernel_file(path) -> np.ndarray:
    kernels = np.empty((1, 2), object)
    kernels[0, 0], kernels[0, 1] = np.ones((3, 3), np.float32), 2 * np.eye(5, dtype=np.float32)
    scipy.io.savemat(path, {"kernels": kernels})
    return np.eye(5) / 5


def test_super_resolution_with_kernels_of_a_file(tmp_path):
    expected = _kernel_file(tmp_path / "two.mat")
    kernel = KernelFile(tmp_path / "two.mat", index=1)
    assert repr(kernel) == "KernelFile('two.mat', index=1)"
    A = SuperResolution(factor=3, kernel=kernel).operator((9, 12), 0)
    np.testing.assert_allclose(A.kernel, expected, rtol=1e-12)
    assert A(jnp.ones((9, 12))).shape == (3, 4)
    assert KernelFile(tmp_path / "two.mat", 1) == kernel
    assert hash(KernelFile(tmp_path / "two.mat", 1)) == hash(kernel)


def test_super_resolution_with_levin_s_kernels(shared_data):
    path = shared_data / "kernels" / "kernels_12.mat"
    if not path.is_file():
        pytest.skip(f"no kernels at {path}")
    for index in range(12):
        task = SuperResolution(kernel=KernelFile(path, index))
        A = task.operator((32, 40), 0)
        assert A.kernel.shape == (25, 25)
        ones = jnp.ones((32, 40))
        np.testing.assert_allclose(A(ones), jnp.ones((16, 20)), rtol=1e-12)
        bound = float(A.squared_norm((32, 40)))
        found = float(largest_eigenvalue(lambda x, A=A: A.adjoint(A(x)), ones))
        assert 0.85 * bound <= found <= bound / 0.849
    with pytest.raises(ValueError, match="has 12 kernels, from 0; there is no index 12"):
        KernelFile(path, 12)


@pytest.mark.parametrize("task", [SuperResolution(), MagneticResonance(fraction=0.5)], ids=repr)
def test_l1_solvers_take_the_new_operators(task):
    """ADMM with a factorisation, and by FFT where A and W are circulant."""
    A, y = measure(task, Photographs().sample((8, 8), 1, 0), 0)
    lower = LowerLevel(A, y[0], AnalysisL1.initial((8, 8), 0))
    found = solve(Admm(), Budget(5000, 1e-6), lower)
    assert float(found.residual) <= 1e-6


WRONG = {
    "a factor that does not divide": (
        lambda: SuperResolution(factor=3).operator((8, 9), 0),
        r"sides that the factor divides; got shape \(8, 9\)",
    ),
    "no factor": (lambda: SuperResolution(factor=0), "factor must be a whole number, at least 1; got 0"),
    "a kernel larger than the image": (
        lambda: DecimatedBlur(jnp.ones((5, 5)))(jnp.ones((4, 4))),
        "does not fit a signal",
    ),
    "an even motion": (lambda: MotionKernel(4), "size must be odd and positive; got 4"),
    "no lines": (lambda: MagneticResonance(fraction=0.0), r"fraction must be in \(0, 1\]; got 0.0"),
    "more centre than lines": (
        lambda: MagneticResonance(fraction=0.1, centre=0.2),
        r"centre must be in \[0, fraction = 0.1\]; got 0.2",
    ),
    "real frequencies": (
        lambda: MaskedFourier(jnp.ones((4, 4))).adjoint(jnp.ones((4, 4))),
        "need a last axis of 2, real and imaginary",
    ),
    "a mask of another size": (
        lambda: MaskedFourier(jnp.ones((4, 4)))(jnp.ones((4, 5))),
        r"mask must have the signal's shape \(4, 5\), or be of lines .*; got \(4, 4\)",
    ),
    "a missing kernel file": (lambda: KernelFile("nowhere.mat"), "'nowhere.mat' cannot be read"),
    "colour for filters of experts": (
        lambda: FieldsOfExperts.initial((8, 8), 0).value(jnp.ones((8, 8, 3))),
        r"needs? a grey image \(h, w\)",
    ),
    "a start of experts in colour": (
        lambda: FieldsOfExperts.initial((8, 8, 3), 0),
        r"start on images \(h, w\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_deconvolution_with_a_kernel_is_super_resolution_by_one():
    """With odd sizes both have the kernel's centre at one place."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(9, 8)))
    blurred = Deconvolution(kernel=MotionKernel(5)).operator((9, 8), 0)(x)
    expected = SuperResolution(factor=1, kernel=MotionKernel(5)).operator((9, 8), 0)(x)
    np.testing.assert_allclose(blurred, expected, atol=1e-14)
    with pytest.raises(ValueError, match="the kernel says what the blur is"):
        Deconvolution(width=1.0, kernel=MotionKernel(5))


@pytest.mark.usefixtures("as_users_run")
def test_a_kernel_without_taps_is_refused():
    with pytest.raises(TypeError, match="kernel must offer taps"):
        SuperResolution(kernel=np.ones((3, 3)))
    with pytest.raises(TypeError, match="kernel must offer taps"):
        Deconvolution(kernel=np.ones((3, 3)))
    with pytest.raises(TypeError, match="path must be the path of a kernel file"):
        KernelFile(3)
