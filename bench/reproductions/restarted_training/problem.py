"""What is trained: three models on three tasks, on crops of photographs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp

from ....problems import (
    ColorPhotographs,
    Deconvolution,
    Denoising,
    Inpainting,
    Photographs,
    Regularizer,
    Task,
    WaveletL1,
    measure,
)
from ....problems.ground_truth import GroundTruth
from ....problems.networks.drunet import Drunet
from ....problems.networks.shipped import SMALL
from ....problems.regularizers.denoisers.denoiser import Denoiser
from ....solvers import Picard
from ....solvers.solver import Solver
from ...errors import UserError
from ...training.pairs import Pairs, SplitPairs, held_out_pairs
from ..user_images import image_folder
from .line_kernel import LineKernel
from .stepped_denoiser import SIGMA, LearnedStep, SteppedDenoiser

NOISE, LITTLE_NOISE = 0.2, 0.05
TASKS: dict[str, Task] = {
    "denoising": Denoising(NOISE),
    "inpainting": Inpainting(0.5, LITTLE_NOISE),
    "deconvolution": Deconvolution(noise=LITTLE_NOISE, kernel=LineKernel()),
}
SEEDS = (0, 1, 2)
WAVELET_STEP = 1.5
"""Over 1/L: a step size of one would solve the denoising problem at once."""


class TrainingSize(NamedTuple):
    """How much is trained on, and with what.

    Attributes:
        side: pixels along each side of a crop.
        training: crops to train on.
        testing: crops that are held out.
        batch: crops in a step.
        steps: of training.
        chunk: steps between two looks at the clock.
        network: of the models that have one; its weights are the shipped ones, or drawn if it is another.
    """

    side: int
    training: int
    testing: int
    batch: int
    steps: int
    chunk: int
    network: Drunet = SMALL

    @property
    def in_words(self) -> str:
        """Say all of it but the network, which models have or not."""
        return (
            f"{self.training} + {self.testing} crops of {self.side} x {self.side}, {self.steps} steps of "
            f"{self.batch} by {self.chunk}"
        )


@dataclass(frozen=True)
class RestartedModel:
    """One of the models that the claim names.

    Attributes:
        name: in words.
        start: makes the regulariser that training starts from, for images of a shape, with a network.
        solver: the iteration that is restarted.
        learn: names of the leaves that are learned; all for none.
        rate: of Adam.
        most: steps at most of a training's exact solve, and of its adjoint equation.
        dtype: of training; what is judged is judged in float64.
        full: how much is trained on.
        quick: the same in a quick run.
        colour: whether it is trained on colour images, where there are any.
    """

    name: str
    start: Callable[[tuple[int, ...], Drunet], Regularizer]
    solver: Solver
    learn: tuple[str, ...]
    rate: float
    most: int
    dtype: str
    full: TrainingSize
    quick: TrainingSize
    colour: bool

    def size(self, quick: bool) -> TrainingSize:
        """Return how much is trained on."""
        return self.quick if quick else self.full


def _plug_and_play(shape: tuple[int, ...], network: Drunet) -> SteppedDenoiser:
    if network == SMALL:
        return SteppedDenoiser.initial(shape, 0)
    return SteppedDenoiser.of(Denoiser(network.init(0), jnp.asarray(SIGMA, jnp.float64), network))


def _wavelets(shape: tuple[int, ...], network: Drunet) -> WaveletL1:
    del network
    return WaveletL1.initial(shape, 0)


NETWORK_SIZE = TrainingSize(20, 32, 8, 2, 50, 5)
QUICK_NETWORK_SIZE = TrainingSize(16, 4, 2, 2, 4, 2, Drunet(widths=(4,), blocks=1, activation="elu"))
WAVELETS = RestartedModel(
    "weighted wavelet norm",
    _wavelets,
    Picard(WAVELET_STEP),
    (),
    5e-2,
    1000,
    "float64",
    TrainingSize(32, 64, 16, 4, 100, 10),
    TrainingSize(16, 8, 4, 4, 20, 5),
    colour=True,
)
SCALARS = RestartedModel(
    "plug-and-play step and level",
    _plug_and_play,
    LearnedStep(),
    ("step_scale", "denoiser.sigma"),
    5e-2,
    200,
    "float32",
    NETWORK_SIZE,
    QUICK_NETWORK_SIZE,
    colour=False,
)
NETWORK = RestartedModel(
    "network inside forward-backward",
    _plug_and_play,
    LearnedStep(),
    (),
    5e-4,
    200,
    "float32",
    NETWORK_SIZE,
    QUICK_NETWORK_SIZE,
    colour=False,
)
MODELS = (WAVELETS, SCALARS, NETWORK)


def require_images(folder: Path | None, quick: bool) -> None:
    """Refuse a folder without images to cut the crops of all models out of, before anything is measured.

    Raises:
        UserError: if it cannot be read, or an image is damaged or smaller, with why.
    """
    if folder is None:
        return
    for model in MODELS:
        shape = image_shape(model, model.size(quick).side, folder)
        _usable_truths(folder, shape)


def image_shape(model: RestartedModel, side: int, folder: Path | None) -> tuple[int, ...]:
    """Return the shape of a model's crops: in colour where it takes that and the images have it."""
    shape = (side, side)
    return (
        (*shape, 3) if model.colour and _truths(folder, (*shape, 3)).supports((*shape, 3)) is None else shape
    )


def draw_pairs(
    shape: tuple[int, ...], task: str, size: TrainingSize, seed: int, folder: Path | None
) -> SplitPairs:
    """Draw and measure crops, float64; operator, crops and noise follow the seed.

    Raises:
        UserError: if the images of the folder cannot be used, or hold no such crop, with why.
    """
    truths = _usable_truths(folder, shape)
    training = truths.sample(shape, size.training, seed)
    A, y = measure(TASKS[task], training, seed)
    testing = truths.sample(shape, size.testing, seed, "test")
    return SplitPairs(Pairs(A, y, jnp.asarray(training)), held_out_pairs(A, TASKS[task], testing, seed))


def _usable_truths(folder: Path | None, shape: tuple[int, ...]) -> GroundTruth:
    truths = _truths(folder, shape)
    reason = truths.supports(shape)
    if reason is not None:
        raise UserError(reason)
    return truths


def _truths(folder: Path | None, shape: tuple[int, ...]) -> GroundTruth:
    if folder is not None:
        return image_folder(folder)
    return ColorPhotographs() if len(shape) == 3 else Photographs()
