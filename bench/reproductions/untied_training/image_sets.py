"""The images that are trained and tested on: a user's digits and faces, or crops of photographs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from ....problems import Photographs
from ....problems.files.idx_file import read_idx_images
from ....problems.ground_truths.folder_survey import list_images, read_luma
from ...errors import UserError

DIGITS, FACES = "digits", "faces"
FOLDERS = {DIGITS: "mnist", FACES: "celeba20"}
"""In the folder that a user names: an IDX file of digits, and images of faces."""
ENDINGS = ("idx3-ubyte", "idx3-ubyte.gz")
"""Of the names of IDX files of grey images."""
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


@dataclass(frozen=True)
class ImageSource:
    """Digits or faces of a user's folder, or photographs' crops for None.

    Args:
        kind: `DIGITS` or `FACES`.
        folder: with both.
        size: how many, and their shape.
    """

    kind: str
    folder: Path | None
    size: SplitSize

    @property
    def name(self) -> str:
        """What they are, how many, and how large."""
        height, width = self.size.shape
        images = "photographs" if self.folder is None else self.kind
        return f"{self.size.training} + {self.size.testing} {images} of {height} x {width}"

    def split(self, seed: int) -> ImageSplit:
        """Return them.

        Raises:
            UserError: as `digits` and `faces` do.
        """
        return (digits if self.kind == DIGITS else faces)(self.folder, self.size, seed)


def digits(folder: Path | None, size: SplitSize, seed: int) -> ImageSplit:
    """Return digits, or photographs' crops, in grey values from -1 to 1; the seed decides the split.

    Raises:
        UserError: if there is no IDX file or several, or it holds fewer or other images.
    """
    if folder is None:
        return _scaled(_crops(size, seed, scale=4))
    path = _digit_file(folder)
    try:
        stack = read_idx_images(path)
    except ValueError as error:
        raise UserError(str(error)) from error
    if stack.shape[1:] != size.shape:
        raise UserError(f"{path.name} holds images of {stack.shape[1:]} pixels; {size.shape} is accepted")
    _require_enough(DIGITS, len(stack), size)
    return _scaled(_split(DIGITS, stack / 255, size, seed))


def faces(folder: Path | None, size: SplitSize, seed: int) -> ImageSplit:
    """Return the middle of faces, or photographs' crops, in grey values from 0 to 1.

    Raises:
        UserError: if there are too few images, one cannot be read, or one is smaller.
    """
    if folder is None:
        return _crops(size, seed, scale=1)
    inside = str((folder / FOLDERS[FACES]).resolve())
    try:
        found = [(stamp.name, read_luma(inside, stamp.name)) for stamp in list_images(inside)]
    except ValueError as error:
        raise UserError(str(error)) from error
    _require_enough(FACES, len(found), size)
    return _split(FACES, np.stack([_middle(*one, size.shape) for one in found]), size, seed)


def require_images(sources: Sequence[ImageSource]) -> None:
    """Read a user's images once before anything is measured, each source of them.

    Raises:
        UserError: if its folder lacks one of the two, or what is in there is not accepted.
    """
    for source in dict.fromkeys(one for one in sources if one.folder is not None):
        name = FOLDERS[source.kind]
        if source.folder is not None and not (source.folder / name).is_dir():
            raise UserError(
                f"{source.folder} has no folder {name!r}; one with both is accepted: {FOLDERS[DIGITS]}, an "
                f"IDX file of 28 x 28 digits, and {FOLDERS[FACES]}, 20 images of at least {FACE[0]} x "
                f"{FACE[1]} pixels"
            )
        source.split(0)


def _digit_file(folder: Path) -> Path:
    inside = folder / FOLDERS[DIGITS]
    paths = sorted(path for ending in ENDINGS for path in inside.glob(f"*{ending}"))
    if not paths:
        accepted = " or ".join(f"{inside.name}/*{ending}" for ending in ENDINGS)
        raise UserError(f"{folder} holds no {accepted} with digits")
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise UserError(f"{inside} holds {len(paths)} files of digits, {names}; one is accepted")
    return paths[0]


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
