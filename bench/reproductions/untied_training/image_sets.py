"""The images that are trained and tested on: a user's digits and faces, or crops of photographs."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from ....problems import Photographs
from ....problems.files.idx_file import read_idx_images
from ....problems.ground_truths.folder_survey import list_images, read_luma
from ...errors import UserError

DIGITS, FACES = "mnist", "celeba20"
"""Folders in the one that a user names: an IDX file of digits, and images of faces."""
FACE = (218, 178)
"""Height and width in pixels of the authors' faces."""


class ImageSplit(NamedTuple):
    """Images to train on and others to test on, and what they are."""

    name: str
    training: Float64[np.ndarray, "count h w"]
    testing: Float64[np.ndarray, "other h w"]


class SplitSize(NamedTuple):
    """How many images to train and to test on, and the pixels along their sides."""

    training: int
    testing: int
    shape: tuple[int, int]


def digits(folder: Path | None, size: SplitSize, seed: int) -> ImageSplit:
    """Return digits, or photographs' crops, in grey values from -1 to 1; the seed decides the split.

    Raises:
        UserError: if there is no IDX file, or it holds fewer or other images.
    """
    if folder is None:
        return _scaled(_crops(size, seed, scale=4))
    inside = folder / DIGITS
    names = sorted(inside.glob("*idx3-ubyte*")) if inside.is_dir() else []
    if not names:
        raise UserError(f"{folder} holds no {DIGITS}/*idx3-ubyte or {DIGITS}/*idx3-ubyte.gz with digits")
    try:
        stack = read_idx_images(names[0])
    except ValueError as error:
        raise UserError(str(error)) from error
    if stack.shape[1:] != size.shape:
        raise UserError(f"{names[0].name} holds images of {stack.shape[1:]} pixels; {size.shape} is accepted")
    _require_enough("digits", len(stack), size)
    return _scaled(_split("digits", stack / 255, size, seed))


def faces(folder: Path | None, size: SplitSize, seed: int) -> ImageSplit:
    """Return the middle of faces, or photographs' crops, in grey values from 0 to 1.

    Raises:
        UserError: if there are too few images, one cannot be read, or one is smaller.
    """
    if folder is None:
        return _crops(size, seed, scale=1)
    inside = str((folder / FACES).resolve())
    try:
        found = [(stamp.name, read_luma(inside, stamp.name)) for stamp in list_images(inside)]
    except ValueError as error:
        raise UserError(str(error)) from error
    _require_enough("faces", len(found), size)
    return _split("faces", np.stack([_middle(*one, size.shape) for one in found]), size, seed)


def require_folders(folder: Path | None) -> None:
    """Refuse a folder that lacks one of the two before anything is measured.

    Raises:
        UserError: if it does.
    """
    for name in (DIGITS, FACES) if folder is not None else ():
        if folder is not None and not (folder / name).is_dir():
            raise UserError(
                f"{folder} has no folder {name!r}; one with both is accepted: {DIGITS}, an IDX file of "
                f"28 x 28 digits, and {FACES}, 20 images of at least {FACE[0]} x {FACE[1]} pixels"
            )


def _split(name: str, images: Float64[np.ndarray, "all h w"], size: SplitSize, seed: int) -> ImageSplit:
    chosen = images[np.random.default_rng([seed, 41]).permutation(len(images))]
    return ImageSplit(name, chosen[: size.training], chosen[size.training : size.training + size.testing])


def _require_enough(name: str, count: int, size: SplitSize) -> None:
    wanted = size.training + size.testing
    if count < wanted:
        raise UserError(f"{count} {name} were found; {wanted} are needed to train and to test on")


def _crops(size: SplitSize, seed: int, scale: int) -> ImageSplit:
    source = Photographs(scale)
    training = source.sample(size.shape, size.training, seed)
    return ImageSplit("photographs", training, source.sample(size.shape, size.testing, seed, "test"))


def _scaled(split: ImageSplit) -> ImageSplit:
    return split._replace(training=2 * split.training - 1, testing=2 * split.testing - 1)


def _middle(
    name: str, pixels: Float64[np.ndarray, "h w"], shape: tuple[int, int]
) -> Float64[np.ndarray, "rows columns"]:
    if any(side < wanted for side, wanted in zip(pixels.shape, shape, strict=True)):
        raise UserError(f"{name} has {pixels.shape} pixels; at least {shape} are accepted")
    top, left = ((side - wanted) // 2 for side, wanted in zip(pixels.shape, shape, strict=True))
    return pixels[top : top + shape[0], left : left + shape[1]]
