"""Images of a user's folder, grey or in colour."""

import functools
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from ..arrays.channels import CHANNELS, is_colour
from ..ground_truth import Split
from .crops import random_crops
from .draws import require_request, require_split, seed_sequence, unsupported
from .folder_survey import Survey, grey_images, left_out, list_images, read_luma, read_rgb, survey

# The first image and every fifth after it are for testing, so that two images already make both splits.
TEST_EVERY = 5
DARK = 0.25
"""Of full scale: what no image of a folder exceeds where a camera of up to 14 bits filled 16."""


# Not a `configuration`, whose `repr` would show the whole path.
@dataclass(frozen=True, repr=False)
class ImageFolder:
    """Cut random crops out of the images of a folder: PNG, JPEG, BMP, TIFF and .npy.

    Images are sorted by name: the first and every fifth after it are for testing, the others for training.
    Crops (height, width) are luma in [0, 1], crops (height, width, 3) the stored R, G and B, for which no
    image may be grey. Images of a split are equally likely; crops of one single value are drawn again. The
    path is made absolute, but `repr` shows the folder's name only, so that records carry no local path.
    Sub-folders, hidden files and files of other kinds are not read: a warning counts all but the hidden ones.
    Another warning says where all images are dark, as 12 bits are that were stored in 16.
    Caveat: the first use reads and decodes every image (0.3 s for CBSD68), so that damage is found whatever
    the seed; a folder that changes is read again.

    Args:
        path: the folder, with two images or more.

    Raises:
        TypeError: if `path` is not a path.
        ValueError: if `path` is missing, not a folder, or cannot be read, or if something with the name of an
            image is no regular file, such as a named pipe, which is not opened.
    """

    path: str | os.PathLike[str] = "."

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _absolute(self.path))
        images = list_images(self._folder)
        others = left_out(self._folder)
        if images and others is not None:
            name = os.path.basename(self._folder)
            read = f"folder {name!r}: {len(images)} images are read, and left out are {others}"
            # Once for each place in the code that makes one, as Python's warnings go.
            warnings.warn(read, stacklevel=3)

    def __repr__(self) -> str:
        return f"ImageFolder({os.path.basename(self._folder)!r})"

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count height width *channels"]:
        """Return `count` crops of shape (height, width) or (height, width, 3), in pixels; values in [0, 1].

        Raises:
            ValueError: if the folder has fewer than two images; if an image of either split is damaged,
                truncated, smaller than the crop, or grey where colour is wanted; or if the images have no
                content.
        """
        require_request(self, shape, count)
        sequence = seed_sequence("ImageFolder", seed, split)
        read = read_rgb if is_colour(shape) else read_luma
        loaders = [functools.partial(read, self._folder, name) for name in self.names(split)]
        return random_crops(loaders, (count, *shape), sequence)

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None where every image holds a crop of this shape, else why not, as for an empty folder."""
        reason = unsupported("images", ("height", "width"), shape[:2] if is_colour(shape) else shape)
        if reason is not None:
            return reason
        try:
            surveyed = self._survey()
            grey = grey_images(self._folder, list_images(self._folder)) if is_colour(shape) else ()
        except ValueError as error:
            # The folder may have gone since; sentences enter records, which carry no local path.
            return str(error).replace(self._folder, os.path.basename(self._folder))
        return _too_small(surveyed, shape) or _grey(grey)

    def names(self, split: Split) -> tuple[str, ...]:
        """Return the file names of a split, sorted; raise `ValueError` where the folder cannot be used."""
        require_split(split)
        names = enumerate(self._survey().names)
        return tuple(name for index, name in names if (index % TEST_EVERY == 0) == (split == "test"))

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits of the SHA-256 of the sorted file names and contents.

        Raises:
            ValueError: if the folder cannot be used, whatever the crop; call it before a long run.
        """
        return self._survey().fingerprint

    @property
    def _folder(self) -> str:
        return os.fspath(self.path)

    def _survey(self) -> Survey:
        surveyed = survey(self._folder, list_images(self._folder))
        if surveyed.brightest <= DARK:
            warnings.warn(
                f"folder {os.path.basename(self._folder)!r}: no pixel of its images is above "
                f"{surveyed.brightest:.3g} of full scale; rescale them if their white is less than all bits",
                stacklevel=4,
            )
        return surveyed


def _absolute(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be the path of an image folder; got {type(path).__name__}")
    if path == "":
        raise ValueError("path must be the path of an image folder; got an empty one")
    return os.path.abspath(os.path.expanduser(path))


def _too_small(surveyed: Survey, shape: tuple[int, ...]) -> str | None:
    for name, (height, width) in zip(surveyed.names, surveyed.sizes, strict=True):
        if height < shape[0] or width < shape[1]:
            return (
                f"image {name!r} has {height} x {width} pixels (height x width), less than the crop of "
                f"{shape[0]} x {shape[1]}; take it out of the folder, or take crops of at most "
                f"{min(size[0] for size in surveyed.sizes)} x {min(size[1] for size in surveyed.sizes)}"
            )
    return None


def _grey(names: tuple[str, ...]) -> str | None:
    if not names:
        return None
    return (
        f"crops in colour, (height, width, {CHANNELS}), are wanted, and {len(names)} of the images are grey, "
        f"the first {names[0]!r}: take them out of the folder, or ask for grey crops, (height, width)"
    )
