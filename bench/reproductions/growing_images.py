"""One l1 problem per task on images of growing size."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from ...problems import AnalysisL1, Deconvolution, Denoising, LowerLevel, Photographs, Task, measure
from .training_pair import TrainingPair

TASKS: dict[str, Task] = {"denoising": Denoising(), "deconvolution": Deconvolution()}
LARGEST_CROP = 256
WEIGHT_PER_NOISE = 0.2


@dataclass(frozen=True)
class GrowingImage:
    """A task on one square image."""

    task: str
    side: int

    @property
    def name(self) -> str:
        """Task and size: "denoising 64 x 64"."""
        return f"{self.task} {self.side} x {self.side}"

    def pair(self) -> TrainingPair:
        """Measure the image; the weight is a fifth of the noise."""
        truth, task = ground_truth(self.side), TASKS[self.task]
        A, y = measure(task, truth[None], 0)
        weight = jnp.asarray(WEIGHT_PER_NOISE * task.noise)
        regularizer = AnalysisL1(AnalysisL1.initial(truth.shape, 0).W, weight)
        return TrainingPair(LowerLevel(A, y[0], regularizer), jnp.asarray(truth))


def ground_truth(side: int) -> Float64[np.ndarray, "side side"]:
    """Return a crop of a photograph; beyond 256 pixels one of 256, mirrored at its borders."""
    crop = Photographs().sample((min(side, LARGEST_CROP),) * 2, 1, 0)[0]
    copies = -(-side // len(crop))
    tile = np.block([[crop, crop[:, ::-1]], [crop[::-1], crop[::-1, ::-1]]])
    return np.tile(tile, (copies, copies))[:side, :side] if copies > 1 else crop
