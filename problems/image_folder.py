"""Grey images of a user's folder."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from .crops import random_crops
from .draws import require_request, require_split, seed_sequence, unsupported
from .folder_survey import Survey, list_images, read_luma, survey
from .ground_truth import Split

# The first image and every fifth after it are for testing, so that two images already make both splits.
TEST_EVERY = 5


# Not a `configuration`, whose `repr` would show the whole path.
@dataclass(frozen=True, repr=False)
class ImageFolder:
    """Cut random crops out of the PNG, JPEG and BMP images of a folder.

    Sub-folders and hidden files do not count. Images are luma in [0, 1], sorted by name: the first and every
    fifth after it are for testing, the others for training. Images of a split are equally likely; crops of
    one single grey value are drawn again. The path is made absolute, but `repr` shows the folder's name only,
    so that records carry no local path.
    Caveat: the first use reads and decodes every image (0.3 s for CBSD68), so that damage is found whatever
    the seed; a folder that changes is read again.

    Args:
        path: the folder, with two images or more.

    Raises:
        TypeError: if `path` is not a path.
        ValueError: if `path` is missing, not a folder, or cannot be read.
    """

    path: str | os.PathLike[str] = "."

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _absolute(self.path))
        list_images(self._folder)

    def __repr__(self) -> str:
        return f"ImageFolder({os.path.basename(self._folder)!r})"

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count height width"]:
        """Return `count` crops of shape (height, width), in pixels; values in [0, 1].

        Raises:
            ValueError: if the folder has fewer than two images; if an image of either split is damaged,
                truncated or smaller than the crop; or if the images have no content.
        """
        require_request(self, shape, count)
        sequence = seed_sequence("ImageFolder", seed, split)
        height, width = shape
        loaders = [functools.partial(read_luma, self._folder, name) for name in self.names(split)]
        return random_crops(loaders, (count, height, width), sequence)

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None where every image holds a crop of this shape, else why not, as for an empty folder."""
        reason = unsupported("images", ("height", "width"), shape)
        if reason is not None:
            return reason
        try:
            found = self._survey()
        except ValueError as error:
            # The folder may have gone since; sentences enter records, which carry no local path.
            return str(error).replace(self._folder, os.path.basename(self._folder))
        return _too_small(found, shape)

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
        return survey(self._folder, list_images(self._folder))


def _absolute(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be the path of an image folder; got {type(path).__name__}")
    if path == "":
        raise ValueError("path must be the path of an image folder; got an empty one")
    return os.path.abspath(os.path.expanduser(path))


def _too_small(found: Survey, shape: tuple[int, ...]) -> str | None:
    for name, (height, width) in zip(found.names, found.sizes, strict=True):
        if height < shape[0] or width < shape[1]:
            return (
                f"image {name!r} has {height} x {width} pixels (height x width), less than the crop of "
                f"{shape[0]} x {shape[1]}; take it out of the folder, or take crops of at most "
                f"{min(size[0] for size in found.sizes)} x {min(size[1] for size in found.sizes)}"
            )
    return None
