"""What every ground truth offers: a seeded sample, and a reason where a shape is not possible."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

Split = Literal["train", "test"]


@runtime_checkable
class GroundTruth(Protocol):
    """Signals or images that a task degrades: a frozen dataclass of settings with defaults for all of them.

    A sample depends on its arguments alone: the same settings, shape, seed and split give the same bits, and
    a larger count only appends. The two splits share no random stream and, for images, no image.
    """

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count ..."]:
        """Return `count` signals or images of this shape; raise `ValueError` where it is not supported."""
        ...

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None where samples of this shape are possible, else a sentence that says why not."""
        ...


@runtime_checkable
class FingerprintedTruth(Protocol):
    """A ground truth whose settings do not say what it holds: files that can change under one name."""

    def fingerprint(self) -> str:
        """Return a text that is another one where the contents are."""
        ...
