"""Small fields-of-experts problems on the three tasks, for claims about gradient descent's fixed point."""

from dataclasses import dataclass

import jax.numpy as jnp

from ...problems import (
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Inpainting,
    LogCosh,
    LowerLevel,
    Photographs,
    PseudoHuber,
    measure,
)
from .training_pair import TrainingPair

_TASKS = {Denoising: "denoising", Inpainting: "inpainting", Deconvolution: "deconvolution"}
_POTENTIALS = {PseudoHuber: "pseudo-Huber", LogCosh: "log-cosh"}


@dataclass(frozen=True)
class SmoothCase:
    """A task on one square crop of a photograph, with one potential."""

    task: Denoising | Inpainting | Deconvolution
    side: int
    potential: PseudoHuber | LogCosh

    @property
    def name(self) -> str:
        """Task, size and potential: "denoising, 8 x 8, log-cosh"."""
        task, potential = _TASKS[type(self.task)], _POTENTIALS[type(self.potential)]
        return f"{task}, {self.side} x {self.side}, {potential}"

    def pair(self) -> TrainingPair:
        """Measure the crop, with the filters and weights that benchmarks start from."""
        shape = (self.side, self.side)
        truth = Photographs().sample(shape, 1, 0)
        A, y = measure(self.task, truth, 0)
        start = FieldsOfExperts.initial(shape, 0)
        experts = FieldsOfExperts(start.filters, start.weights, self.potential)
        return TrainingPair(LowerLevel(A, y[0], experts), jnp.asarray(truth[0]))
