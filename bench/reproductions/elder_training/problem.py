"""The tasks, how much is trained and tested on, and the pairs."""

from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp

from ....problems import (
    ImageFolder,
    Inpainting,
    MagneticResonance,
    MotionKernel,
    Photographs,
    SuperResolution,
    measure,
)
from ....problems.ground_truth import GroundTruth
from ....problems.networks.drunet import Drunet
from ....problems.task import Task
from ...training.denoiser_training import PHOTOGRAPHS
from ...training.pairs import Pairs, SplitPairs, held_out_pairs
from ..user_images import image_folder, images_in_words, require_crops
from .models import ElderModel

NETWORK = Drunet(widths=(8, 16), blocks=1, activation="elu")
SEEDS = (0, 1, 2)
SCALE = 2
"""Of the photographs: pixels along each side of a pixel of the crops."""


@dataclass(frozen=True)
class NamedTask:
    """A task in words."""

    name: str
    task: Task


TASKS = (
    NamedTask("inpainting", Inpainting(missing=0.5, noise=0.02)),
    NamedTask("super-resolution", SuperResolution(kernel=MotionKernel(9), noise=0.01)),
    NamedTask("magnetic resonance", MagneticResonance(fraction=0.5, noise=0.01)),
)
"""Those of the authors' code: pixels missing at random, blur and decimation, k-space in part."""


@dataclass(frozen=True)
class ElderSize:
    """How much is trained and tested on.

    Attributes:
        network: of all regularisers.
        pretraining: steps with noisy crops, eight a step.
        side: pixels along each side of the crops.
        pairs: to train on.
        tuning: of them, to choose the weight on; a multiple of `block`.
        tests: crops of other photographs; a multiple of `block`.
        block: pairs that are restored at once.
        batch: pairs a step.
        steps: as an equilibrium model.
        rate: of Adam, which falls along a cosine.
    """

    network: Drunet = NETWORK
    pretraining: int = 400
    side: int = 32
    pairs: int = 200
    tuning: int = 8
    tests: int = 8
    block: int = 4
    batch: int = 2
    steps: int = 80
    rate: float = 1e-3

    @property
    def in_words(self) -> str:
        """Say all of it, so that runs of other sizes have other names."""
        return (
            f"{self.pairs} + {self.tests} crops of {self.side} x {self.side}, {self.tuning} to tune on by "
            f"{self.block}, {self.network!r}, {self.pretraining} + {self.steps} steps, the last of "
            f"{self.batch} at {self.rate:g}"
        )


FULL = ElderSize()
QUICK = ElderSize(
    network=Drunet(widths=(4, 8), blocks=1, activation="elu"),
    pretraining=20,
    side=16,
    pairs=4,
    tuning=4,
    tests=4,
    steps=4,
)


def require_images(folder: Path | None, side: int) -> None:
    """Refuse a folder without images to cut crops out of, before anything is measured.

    Raises:
        UserError: if it cannot be read, or an image is damaged or smaller, with why.
    """
    if folder is not None:
        require_crops(image_folder(folder), (side, side))


@dataclass(frozen=True)
class EquilibriumCase:
    """One regulariser on one task, trained from several seeds.

    Attributes:
        task: the inverse problem.
        model: the regulariser.
        seeds: of photographs' crops, of noise, of masks and of the network's start.
        size: how much is trained on.
        images: a folder in the place of the photographs.
    """

    task: NamedTask
    model: ElderModel
    seeds: tuple[int, ...] = SEEDS
    size: ElderSize = FULL
    images: Path | None = None

    @property
    def name(self) -> str:
        """Task, regulariser, images, sizes and seeds: a run of others is not gone on with."""
        seeds = ", ".join(map(str, self.seeds))
        start = f"{self.task.name}, {self.model.name}, {self.images_in_words}"
        return f"{start}, {self.size.in_words}, seeds {seeds}"

    @property
    def images_in_words(self) -> str:
        """Say what is restored, without a local path."""
        return images_in_words(self.images)

    @property
    def truths(self) -> GroundTruth:
        """What is restored."""
        return Photographs(SCALE) if self.images is None else ImageFolder(self.images)

    @property
    def sources(self) -> tuple[GroundTruth, ...]:
        """What networks are pre-trained on."""
        return PHOTOGRAPHS if self.images is None else (ImageFolder(self.images),)

    def drawn(self, seed: int) -> SplitPairs:
        """Draw crops of both splits, and measure them with one operator and noise of their own."""
        shape = (self.size.side, self.size.side)
        truths = self.truths.sample(shape, self.size.pairs, seed)
        others = self.truths.sample(shape, self.size.tests, seed, "test")
        A, y = measure(self.task.task, truths, seed)
        training, testing = Pairs(A, y, jnp.asarray(truths)), held_out_pairs(A, self.task.task, others, seed)
        return SplitPairs(training.astype("float32"), testing.astype("float32"))
