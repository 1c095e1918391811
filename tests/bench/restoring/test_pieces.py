"""Which lower levels restore an image: whole, by channel, or on a larger canvas."""

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.restoring.baselines import BASELINES, baseline
from hypergrad_bench.bench.restoring.pieces import image_shape, pieces
from hypergrad_bench.problems import (
    AnalysisL1,
    Cropped,
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    ForwardDifferences,
    InputConvexNetwork,
    MagneticResonance,
    SuperResolution,
    WaveletL1,
    total_variation,
)

GENERATOR = np.random.default_rng(0)
COLOR = GENERATOR.random((6, 5, 3))
GREY = COLOR[..., 0]
EXPERTS = FieldsOfExperts.initial((6, 6), 0)


def test_a_regularizer_for_colour_takes_the_whole():
    made = pieces(Denoising(), COLOR, total_variation(0.1), 0)
    assert (len(made.lowers), made.shape, made.canvas, made.notes()) == (1, (6, 5, 3), (6, 5), [])


def test_one_for_grey_images_restores_the_channels():
    made = pieces(Denoising(), COLOR, EXPERTS, 0)
    assert [lower.shape for lower in made.lowers] == [(6, 5)] * 3
    np.testing.assert_array_equal(made.joined([np.asarray(lower.y) for lower in made.lowers]), COLOR)
    assert made.notes() == ["the regulariser is for grey images: the three channels are restored one by one"]


def test_frequencies_of_colour_are_taken_apart_too():
    y = GENERATOR.normal(size=(6, 5, 3, 2))
    made = pieces(MagneticResonance(), y, EXPERTS, 0)
    np.testing.assert_array_equal(made.lowers[1].y, y[:, :, 1])
    assert made.shape == (6, 5, 3)


def test_sides_that_wavelets_do_not_take_get_a_canvas():
    regularizer = WaveletL1.initial((8, 8), 0)
    made = pieces(Deconvolution(), GREY, regularizer, 0)
    assert made.canvas == (8, 8)
    assert isinstance(made.lowers[0].A, Cropped)
    assert made.lowers[0].shape == (8, 8)
    assert made.joined([GENERATOR.random((8, 8))]).shape == (6, 5)
    assert "does not take 6 x 5 pixels: it is solved for 8 x 8, cut" in made.notes()[0]


def test_the_precision_is_the_regularizers():
    single = AnalysisL1(ForwardDifferences(), jnp.float32(0.1))
    assert pieces(Denoising(), GREY, single, 0).lowers[0].y.dtype == "float32"
    assert pieces(Denoising(), GREY, total_variation(0.1), 0).lowers[0].y.dtype == "float64"


def test_shapes_of_images():
    assert image_shape(SuperResolution(factor=2), (3, 4, 3)) == (6, 8, 3)
    assert image_shape(MagneticResonance(), (6, 5, 2)) == (6, 5)
    for task, shape in ((MagneticResonance(), (6, 5)), (Denoising(), (7,)), (Denoising(), (6, 5, 2))):
        with pytest.raises(UserError, match="is accepted"):
            image_shape(task, shape)


@pytest.mark.parametrize(
    ("regularizer", "task", "message"),
    [
        (InputConvexNetwork.initial((6, 6, 3), 0), Denoising(), "InputConvexNetwork does not take an image"),
        (total_variation(jnp.full((2, 4, 4), 0.1)), Denoising(), "does not take an image of shape"),
        (total_variation(0.1), Deconvolution(size=7), "does not fit a signal"),
    ],
)
def test_what_does_not_fit_is_refused(regularizer, task, message):
    with pytest.raises(UserError, match=message):
        pieces(task, GREY, regularizer, 0)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_takes_every_image(name):
    y = GENERATOR.random((18, 17, 3))
    assert pieces(Denoising(), y, baseline(name), 0).shape == (18, 17, 3)
    assert pieces(Denoising(), y[..., 0], baseline(name), 0).shape == (18, 17)


def test_a_misspelt_baseline_has_its_nearest():
    with pytest.raises(UserError, match="did you mean 'wavelets'"):
        baseline("wavelet")
