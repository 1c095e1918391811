"""PSNR and SSIM, against their formulas."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.restoring.quality import quality

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.random((15, 14, 3))
IMAGE = TRUTH + 0.1 * GENERATOR.normal(size=TRUTH.shape)


def _similarity(x, y):
    """Wang et al., 2004, equation 13, with a Gaussian of 1.5 pixels, less the border of five."""

    def mean(image):
        return gaussian_filter(image, 1.5, truncate=3.5)

    c1, c2 = 0.01**2, 0.03**2
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    found = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return found[5:-5, 5:-5].mean()


def test_against_the_formulas():
    grey = quality(IMAGE[..., 0], TRUTH[..., 0])
    expected = -10 * np.log10(np.mean((IMAGE[..., 0] - TRUTH[..., 0]) ** 2))
    np.testing.assert_allclose(grey.psnr, expected, rtol=1e-12)
    np.testing.assert_allclose(grey.ssim, _similarity(IMAGE[..., 0], TRUTH[..., 0]), rtol=1e-10)
    channels = [_similarity(IMAGE[..., c], TRUTH[..., c]) for c in range(3)]
    np.testing.assert_allclose(quality(IMAGE, TRUTH).ssim, np.mean(channels), rtol=1e-10)


def test_equal_images_and_what_cannot_be_compared():
    assert quality(TRUTH, TRUTH) == (np.inf, 1.0)
    with pytest.raises(UserError, match="the truth has shape"):
        quality(IMAGE, TRUTH[..., 0])
    with pytest.raises(UserError, match="11 x 11 pixels at least"):
        quality(IMAGE[:10], TRUTH[:10])
