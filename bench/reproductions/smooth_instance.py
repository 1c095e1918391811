"""Small fields-of-experts problems on the three tasks, for claims about gradient descent's fixed point."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems import (
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Inpainting,
    LogCosh,
    LowerLevel,
    Photographs,
    Potential,
    PseudoHuber,
    Task,
    measure,
)

_TASKS: dict[str, Task] = {
    "denoising": Denoising(),
    "inpainting": Inpainting(),
    "deconvolution": Deconvolution(),
}
_POTENTIALS: dict[str, Potential] = {"pseudo-Huber": PseudoHuber(), "log-cosh": LogCosh()}


class SmoothInstance(NamedTuple):
    """A lower level and its ground truth."""

    lower: LowerLevel
    truth: Float[Array, "h w"]

    def loss(self, x: Float[Array, "h w"]) -> Float[Array, ""]:
        """Return the mean squared error."""
        return jnp.mean(jnp.square(x - self.truth))


def smooth_instance(case: str) -> SmoothInstance:
    """Make the problem that a case such as "denoising, 8 x 8, log-cosh" names."""
    task, size, potential = case.split(", ")
    side = int(size.split(" x ")[0])
    truth = Photographs().sample((side, side), 1, 0)
    A, y = measure(_TASKS[task], truth, 0)
    experts = FieldsOfExperts.initial((side, side), 0)
    experts = FieldsOfExperts(experts.filters, experts.weights, _POTENTIALS[potential])
    return SmoothInstance(LowerLevel(A, y[0], experts), jnp.asarray(truth[0]))
