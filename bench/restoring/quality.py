"""PSNR and SSIM of an image, by scikit-image."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ..errors import UserError

SMALLEST = 11
"""Pixels along a side, at least: the window of SSIM, a Gaussian of 1.5 pixels cut at 3.5 times that."""
SETTINGS = (
    "PSNR and SSIM by scikit-image, of the restored numbers before they are cut to [0, 1] or rounded: "
    "data_range=1; SSIM with gaussian_weights=True, sigma=1.5, use_sample_covariance=False, the mean over "
    "the channels (channel_axis=-1)"
)


class ImageQuality(NamedTuple):
    """How near an image is to the truth.

    Attributes:
        psnr: in dB, for a peak of 1; infinite where both are equal.
        ssim: structural similarity, at most 1.
    """

    psnr: float
    ssim: float

    def sentence(self) -> str:
        """Say it in words."""
        return f"PSNR {self.psnr:.2f} dB, SSIM {self.ssim:.4f}"


def quality(image: Float[np.ndarray, "..."], truth: Float[np.ndarray, "..."]) -> ImageQuality:
    """Compare an image, (h, w) or (h, w, 3), with the truth, both with white at one; `SETTINGS` says how.

    Source: Wang, Bovik, Sheikh and Simoncelli, 2004 (SSIM; these are their settings).

    Raises:
        UserError: if the shapes differ, or a side is too short for the window of SSIM.
    """
    if image.shape != truth.shape:
        raise UserError(f"the truth has shape {truth.shape}; the image has {image.shape}")
    if min(image.shape[:2]) < SMALLEST:
        raise UserError(f"SSIM needs {SMALLEST} x {SMALLEST} pixels at least; got shape {image.shape}")
    image, truth = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    # What it returns depends on other arguments.
    similarity: Any = structural_similarity(
        truth,
        image,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=None if truth.ndim == 2 else -1,
    )
    if np.array_equal(image, truth):  # the logarithm of zero is a warning
        return ImageQuality(np.inf, float(similarity))
    return ImageQuality(float(peak_signal_noise_ratio(truth, image, data_range=1.0)), float(similarity))
