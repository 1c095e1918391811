"""What is trained on what, how long, and what it is tested on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ....problems import ConvexRidge, Denoising, Photographs, WeaklyConvexRidge, measure
from ....problems.ground_truth import Split
from ....problems.operators.convolution_chain import initial_chain
from ...restoring.image_set import Picture, picture_of, read_folder
from ...training.pairs import Pairs

NOISE = 25 / 255
SEED = 0
TAKEN = 0.9
"""The share of a training's steps that must have been taken for it to count."""
KINDS: dict[str, type[ConvexRidge] | type[WeaklyConvexRidge]] = {
    "CRR": ConvexRidge,
    "WCRR": WeaklyConvexRidge,
}


class RidgeSize(NamedTuple):
    """How much is trained and tested.

    Attributes:
        counts: channels behind each of the three convolutions.
        filter_side: of their filters.
        side: of the crops to train on.
        pairs: of them.
        batch: pairs of a step.
        rate: of Adam at first.
        seconds: of training, for each contestant.
        points: of a curve, beside the start.
        held_out: crops, of `side`, for the curve.
        tuned_on: crops that weights of baselines are tuned on.
        tuned_side: of these.
        tested_on: crops to test on, where no folder is named.
        tested_side: what is tested of each image, at most: its middle.
    """

    counts: tuple[int, int, int] = (4, 8, 16)
    filter_side: int = 5
    side: int = 40
    pairs: int = 256
    batch: int = 8
    rate: float = 3e-2
    seconds: float = 240.0
    points: int = 12
    held_out: int = 12
    tuned_on: int = 16
    tuned_side: int = 64
    tested_on: int = 12
    tested_side: int = 128

    @property
    def trained_in_words(self) -> str:
        """Say what is trained and for how long, so that runs of other sizes have other names."""
        channels = "-".join(map(str, (1, *self.counts)))
        return (
            f"channels {channels}, {self.pairs} crops of {self.side} x {self.side}, {self.seconds:g} s by "
            f"{self.points}"
        )

    @property
    def tested_in_words(self) -> str:
        """Say what is tuned and tested."""
        return f"tuned on {self.tuned_on} of {self.tuned_side}, tested on {self.tested_side}"

    def start(self, name: str) -> ConvexRidge | WeaklyConvexRidge:
        """Return the regulariser with which training starts: random filters, and scales as published."""
        first = KINDS[name].initial((self.side, self.side), SEED)
        chain = initial_chain(SEED, self.counts, self.filter_side)
        return single(dataclasses.replace(first, scaling=first.scaling[: self.counts[-1]], W=chain))

    def training_pairs(self) -> Pairs:
        """Measure crops of the photographs to train on."""
        return self._pairs(_crops(self.side, self.pairs, "train"), 1)

    def held_out_pairs(self, tested: Sequence[Picture]) -> Pairs:
        """Measure small crops of some of the test images, evenly spaced in their order."""
        chosen = np.linspace(0, len(tested) - 1, min(self.held_out, len(tested))).round().astype(int)
        truths = [middle(tested[one].truth, self.side) for one in chosen]
        return self._pairs(np.stack(truths), 2)

    def tuning_pictures(self) -> list[Picture]:
        """Return crops of the photographs to train on, for the weights of baselines."""
        return _named(_crops(self.tuned_side, self.tuned_on, "train"))

    def test_pictures(self, folder: Path | None) -> list[Picture]:
        """Return the middle of every image of a folder; crops of held-out photographs for None.

        Raises:
            UserError: if the folder cannot be read, or holds no image.
        """
        if folder is None:
            return _named(_crops(self.tested_side, self.tested_on, "test"))
        whole = read_folder(folder, color=False)
        return [picture_of(one.name, middle(one.truth, self.tested_side)) for one in whole]

    @staticmethod
    def _pairs(truths: Float[np.ndarray, "n h w"], seed: int) -> Pairs:
        A, y = measure(Denoising(NOISE), truths, seed)
        return single(Pairs(A, y, jnp.asarray(truths)))


FULL = RidgeSize()
QUICK = RidgeSize((2, 2, 4), 3, 12, 4, 2, 3e-2, 0.2, 2, 2, 1, 16, 2, 16)


def middle(image: Float[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "a b"]:
    """Return the middle of an image, at most `side` pixels along each side."""
    height, width = image.shape
    top, left = max(height - side, 0) // 2, max(width - side, 0) // 2
    return image[top : top + side, left : left + side]


def single(tree: Any) -> Any:
    """Return the same in float32."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), tree)


def _crops(side: int, count: int, split: Split) -> Float[np.ndarray, "n h w"]:
    return Photographs().sample((side, side), count, SEED, split)


def _named(crops: Float[np.ndarray, "n h w"]) -> list[Picture]:
    return [picture_of(f"crop {number}", crop) for number, crop in enumerate(crops, 1)]
