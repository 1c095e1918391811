"""Tasks: which operator they build, and what they add to its response."""

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import Blur, Deconvolution, Denoising, Identity, Inpainting, Mask, measure

TASKS = (Denoising(), Inpainting(), Deconvolution())


def test_denoising_measures_the_signal_itself():
    assert isinstance(Denoising().operator((4,), 0), Identity)


def test_inpainting_draws_a_mask_of_zeros_and_ones():
    operator = Inpainting(missing=0.3).operator((100, 100), 7)
    assert isinstance(operator, Mask)
    mask = np.asarray(operator.mask)
    assert set(np.unique(mask)) == {0.0, 1.0}
    # Four standard deviations of the mean of ten thousand draws.
    assert mask.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 10_000))
    np.testing.assert_array_equal(mask, Inpainting(missing=0.3).operator((100, 100), 7).mask)
    assert not np.array_equal(mask, Inpainting(missing=0.3).operator((100, 100), 8).mask)
    assert np.all(np.asarray(Inpainting(missing=0.0).operator((50,), 0).mask) == 1)


@pytest.mark.parametrize("shape", [(16,), (9, 8)])
def test_deconvolution_blurs_with_a_normalised_gaussian(shape):
    operator = Deconvolution(width=1.2, size=5).operator(shape, 0)
    assert isinstance(operator, Blur)
    kernel = np.asarray(operator.kernel)
    assert kernel.shape == (5,) * len(shape)
    squares = sum(np.square(offset) for offset in np.indices(kernel.shape) - 2)
    expected = np.exp(-squares / (2 * 1.2**2))
    np.testing.assert_allclose(kernel, expected / expected.sum(), rtol=1e-12)
    constant = jnp.full(shape, 0.7)
    np.testing.assert_allclose(operator(constant), constant, rtol=1e-12)


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_a_measurement_is_the_response_plus_noise_of_the_stated_level(task):
    truths = np.random.default_rng(0).random((50, 10, 12))
    A, y = measure(task, truths, 5)
    assert y.dtype == jnp.float64
    noise = np.stack([np.asarray(y[i] - A(jnp.asarray(truths[i]))) for i in range(50)])
    count = noise.size
    assert noise.std() == pytest.approx(task.noise, rel=4 / np.sqrt(2 * count))
    assert abs(noise.mean()) <= 4 * task.noise / np.sqrt(count)
    # Independent from signal to signal.
    assert abs(np.mean(noise[0] * noise[1])) <= 4 * task.noise**2 / np.sqrt(120)
    np.testing.assert_array_equal(y, measure(task, truths, 5)[1])
    assert not np.array_equal(y, measure(task, truths, 6)[1])


def test_no_noise_leaves_the_response():
    truths = np.random.default_rng(0).random((2, 8))
    np.testing.assert_array_equal(measure(Denoising(noise=0.0), truths, 0)[1], truths)


WRONG = {
    "negative noise": (
        lambda: Denoising(-0.1),
        "noise must be a standard deviation, at least 0 and finite; got -0.1",
    ),
    "noise that is NaN": (lambda: Inpainting(noise=float("nan")), "noise must be a standard deviation"),
    "everything missing": (
        lambda: Inpainting(missing=1.0),
        r"missing must be a probability in \[0, 1\); got 1.0",
    ),
    "less than nothing missing": (lambda: Inpainting(missing=-0.1), "missing must be a probability"),
    "a blur of no width": (lambda: Deconvolution(width=0.0), "width must be positive; got 0.0"),
    "an even kernel": (lambda: Deconvolution(size=4), "size must be odd and positive; got 4"),
    "a kernel of negative size": (lambda: Deconvolution(size=-1), "size must be odd and positive; got -1"),
    "a kernel larger than the signal": (
        lambda: measure(Deconvolution(size=9), np.zeros((1, 8)), 0),
        r"kernel of shape \(9,\) does not fit a signal of shape \(8,\)",
    ),
    "ground truths with NaN": (
        lambda: measure(Denoising(), np.full((1, 4), np.nan), 0),
        "ground truths must be finite; they hold NaN or infinity",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
