"""The two images of an experiment on patches: one to train on, one to denoise."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from ....problems.files.image_file import decode_luma
from ....problems.ground_truths.folder_survey import list_images, read_luma
from ....problems.ground_truths.photograph_file import read_photograph
from ...errors import UserError
from .patches import SIDE

PHOTOGRAPHS = ("astronaut.png", "camera.png")
"""Of scikit-image's wheel, 512 x 512 pixels each: to train on, and to denoise."""
TUNING_SIDE = 256
"""Pixels along each side of the middle of the training image, on which baselines are tuned."""


class NamedPicture(NamedTuple):
    """An image in grey values from 0 to 1, under its file's name."""

    name: str
    pixels: Float64[np.ndarray, "h w"]


class Pictures(NamedTuple):
    """The image whose patches W is trained on, and the one that it denoises; both can be the same."""

    training: NamedPicture
    testing: NamedPicture

    def cut(self, side: int) -> "Pictures":
        """Return the upper left squares of both, of so many pixels along each side."""
        return Pictures(*(one._replace(pixels=one.pixels[:side, :side]) for one in self))


def pictures(folder: Path | None) -> Pictures:
    """Return the first two images of a folder by name, its only one twice, or two photographs for None.

    Raises:
        UserError: if the folder has no image, or one of the two cannot be read or is smaller than a patch.
    """
    if folder is None:
        return Pictures(*(NamedPicture(name, read_photograph(name, 1, decode_luma)) for name in PHOTOGRAPHS))
    try:
        names = [stamp.name for stamp in list_images(str(folder.resolve()))][:2]
        found = [NamedPicture(name, read_luma(str(folder.resolve()), name)) for name in names]
    except ValueError as error:
        raise UserError(str(error)) from error
    if not found:
        raise UserError(f"{folder} holds no image; PNG, JPEG, BMP, TIFF and .npy are read")
    for one in found:
        if min(one.pixels.shape) < SIDE:
            height, width = one.pixels.shape
            raise UserError(f"{one.name} has {height} x {width} pixels; {SIDE} x {SIDE} or more are accepted")
    return Pictures(found[0], found[-1])
