"""The size of a problem with a bank of filters, and what its operations cost."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from .program_cost import Number, ProgramWork

TRANSFORM = 2.5
"""Operations of a real FFT of n numbers, over n log2 n."""
DATA_FLOPS = {"denoising": 2.0, "inpainting": 3.0, "deconvolution": 8.0}
"""Operations per pixel of A^T (A x - y), but for its transforms."""
DATA_TRANSFORMS = {"denoising": 0, "inpainting": 0, "deconvolution": 6}
"""Real FFTs of A^T (A x - y): of a blur two for A, two for its adjoint, and the kernel's before each."""


class StepTape(NamedTuple):
    """What JAX stores of a step for the way back: so many images, and so many sets of responses."""

    images: Number
    responses: Number


@dataclass(frozen=True)
class FilterProblem:
    """Describe images under k filters of s x s entries: of fields of experts, or of an l1 norm of responses.

    Attributes:
        pixels: of one image.
        batch: images that share the filters.
        filters: k.
        side: s.
        itemsize: bytes of a number.
        task: denoising, inpainting or deconvolution.

    Raises:
        ValueError: for a count below 1, or another task.
    """

    pixels: int
    batch: int = 1
    filters: int = 8
    side: int = 3
    itemsize: int = 8
    task: str = "denoising"

    def __post_init__(self) -> None:
        counts = (self.pixels, self.batch, self.filters, self.side, self.itemsize)
        if min(counts) < 1:
            raise ValueError(f"pixels, batch, filters, side and itemsize must be at least 1; got {counts}")
        if self.task not in DATA_FLOPS:
            raise ValueError(f"task must be one of {', '.join(DATA_FLOPS)}; got {self.task!r}")

    @property
    def parameters(self) -> int:
        """Numbers to differentiate by: the filters' entries, and a weight for each."""
        return self.filters * (self.side**2 + 1)

    @property
    def padded(self) -> Number:
        """Pixels of an image with the margin that a filter reaches into, over those without."""
        side = math.sqrt(self.pixels)
        return (side + self.side - 1) ** 2 / self.pixels

    def held(self, images: Number, responses: Number = 0.0) -> Number:
        """Return the bytes of so many images, and of so many sets of responses, of the whole batch."""
        return self.itemsize * self.batch * self.pixels * (images + self.filters * responses)

    def work(
        self,
        *,
        filtered: Number = 0.0,
        per_pixel: Number = 0.0,
        per_response: Number = 0.0,
        transforms: Number = 0.0,
        images: Number = 0.0,
        responses: Number = 0.0,
    ) -> ProgramWork:
        """Return the work of one stage on the whole batch.

        Args:
            filtered: how often all filters go over an image, forward, as adjoint, or for their own gradient:
                2 k s^2 operations a pixel.
            per_pixel: further operations per pixel.
            per_response: further operations per response.
            transforms: real FFTs of an image.
            images: read or written.
            responses: sets of k images that are read or written.
        """
        each = self.filters * (2.0 * self.side**2 * filtered + per_response) + per_pixel
        each += transforms * TRANSFORM * math.log2(self.pixels)
        return ProgramWork(self.batch * self.pixels * each, self.held(images, responses))

    def data_gradient(self) -> ProgramWork:
        """Return the work of A^T (A x - y)."""
        transforms = DATA_TRANSFORMS[self.task]
        return self.work(per_pixel=DATA_FLOPS[self.task], transforms=transforms, images=3 + 2 * transforms)
