"""Grey photographs that come with scikit-image, so that a default run needs no download."""

import functools
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64

from ..files.image_file import decode_luma
from ..ground_truth import Split
from ..values.configuration import configuration
from .crops import random_crops
from .draws import require_request, seed_sequence, unsupported
from .photograph_file import read_photograph

# Chosen by eye among the wheel's files: scenes, faces, textures and print, whose small crops show structure.
# Left out: drawings and renderings; pictures that are mostly flat (cell, clock_motion, moon, retina, rocket)
# or black (hubble_deep_field); and motorcycle_right, the stereo twin of motorcycle_left.
FILES = MappingProxyType(
    {
        "train": (
            "astronaut.png",
            "brick.png",
            "chelsea.png",
            "coffee.png",
            "grass.png",
            "ihc.png",
            "motorcycle_left.png",
            "page.png",
        ),
        "test": ("camera.png", "coins.png", "gravel.png", "text.png"),
    }
)


@configuration
class Photographs:
    """Cut random crops out of the photographs inside scikit-image's wheel; nothing is downloaded.

    Eight photographs are for training and four others for testing. Each is luma in [0, 1], shrunk by the
    mean over blocks of scale x scale pixels. At scale 1 small crops show little: of those with 32 x 32
    pixels, 5% in training and 9% in testing have a standard deviation below 0.02; at scale 2 it is 0.5% and
    4%, at scale 4 none.
    Photographs too small for a crop are left out, and crops of one single grey value are drawn again.
    Caveat: twelve images are few; to measure the quality of restorations use a larger set (`ImageFolder`).
    Source: van der Walt et al., 2014 (scikit-image).

    Args:
        scale: pixels of the photograph along each side of a pixel of the crop, at least 1.

    Raises:
        ValueError: if `scale` is not a whole number, at least 1.
    """

    scale: int = 2

    def __post_init__(self) -> None:
        if not isinstance(self.scale, int) or isinstance(self.scale, bool) or self.scale < 1:
            raise ValueError(f"scale must be a whole number, at least 1; got {self.scale!r}")

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count height width"]:
        """Return `count` crops of shape (height, width), in pixels; values in [0, 1].

        Raises:
            ValueError: if the photographs of a split are all smaller; the message has the largest crops.
            FileNotFoundError: if the installed scikit-image lacks a photograph, which the message names.
        """
        require_request(self, shape, count)
        sequence = seed_sequence("Photographs", seed, split)
        height, width = shape
        names = _holding(FILES[split], self.scale, (height, width))
        loaders = [functools.partial(_photograph, name, self.scale) for name in names]
        return random_crops(loaders, (count, height, width), sequence)

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None where both splits have a photograph that holds a crop of this shape, else why not."""
        reason = unsupported("photographs", ("height", "width"), shape)
        if reason is not None:
            return reason
        for split, names in FILES.items():
            if not _holding(names, self.scale, shape):
                return (
                    f"no photograph to {split} with holds a crop of {shape[0]} x {shape[1]} pixels at scale "
                    f"{self.scale}; the largest possible are {_largest(names, self.scale)}"
                )
        return None


def _holding(names: Sequence[str], scale: int, shape: tuple[int, ...]) -> list[str]:
    """Return the photographs that hold a crop of this shape."""
    sizes = [_photograph(name, scale).shape for name in names]
    return [name for name, size in zip(names, sizes, strict=True) if _holds(size, shape)]


def _largest(names: Sequence[str], scale: int) -> str:
    """List the sizes of photographs that no other photograph holds."""
    sizes = {_photograph(name, scale).shape for name in names}
    maximal = [size for size in sizes if not any(_holds(other, size) for other in sizes - {size})]
    return " and ".join(f"{height} x {width}" for height, width in sorted(maximal))


def _holds(size: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return size[0] >= shape[0] and size[1] >= shape[1]


@functools.lru_cache(maxsize=64)
def _photograph(name: str, scale: int) -> Float64[np.ndarray, "height width"]:
    return read_photograph(name, scale, decode_luma)
