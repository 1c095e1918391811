"""Colour photographs that come with scikit-image, so that a run needs no download."""

import functools
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64

from ..arrays.channels import CHANNELS
from ..files.image_file import decode_rgb
from ..ground_truth import Split
from ..values.configuration import configuration
from .crops import random_crops
from .draws import require_request, seed_sequence, unsupported
from .photograph_file import read_photograph

# None of the testing ones is a training photograph of `Photographs`: what is trained on those, in grey, has
# not seen them.
FILES = MappingProxyType(
    {
        "train": ("astronaut.png", "chelsea.png", "coffee.png", "ihc.png", "motorcycle_left.png"),
        "test": ("hubble_deep_field.jpg", "retina.jpg", "rocket.jpg"),
    }
)


@configuration
class ColorPhotographs:
    """Cut random colour crops out of the photographs inside scikit-image's wheel; nothing is downloaded.

    Five photographs are for training and three others for testing, R, G and B in [0, 1] as stored, shrunk by
    the mean over blocks of scale x scale pixels. Caveat: eight images are few, and the testing ones are
    mostly flat or dark: at scale 2 every third crop of 32 x 32 pixels of them has a standard deviation
    below 0.02. To measure the quality of restorations use other images.
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
    ) -> Float64[np.ndarray, "count height width 3"]:
        """Return `count` crops of shape (height, width, 3), in pixels; values in [0, 1].

        Raises:
            ValueError: if a photograph is smaller; the message has the largest crop.
            FileNotFoundError: if the installed scikit-image lacks a photograph, which the message names.
        """
        require_request(self, shape, count)
        sequence = seed_sequence("ColorPhotographs", seed, split)
        loaders = [functools.partial(_photograph, name, self.scale) for name in FILES[split]]
        return random_crops(loaders, (count, *shape), sequence)

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None where every photograph holds a crop of this shape, else why not."""
        reason = unsupported("colour photographs", ("height", "width", "3"), shape)
        if reason is not None or shape[-1] != CHANNELS:
            return reason or f"colour photographs have shape (height, width, 3); got shape {tuple(shape)}"
        sizes = [_photograph(name, self.scale).shape for names in FILES.values() for name in names]
        largest = min(size[0] for size in sizes), min(size[1] for size in sizes)
        if shape[0] > largest[0] or shape[1] > largest[1]:
            return (
                f"not every colour photograph holds a crop of {shape[0]} x {shape[1]} pixels at scale "
                f"{self.scale}; {largest[0]} x {largest[1]} is possible"
            )
        return None


@functools.lru_cache(maxsize=32)
def _photograph(name: str, scale: int) -> Float64[np.ndarray, "height width 3"]:
    return read_photograph(name, scale, decode_rgb)
