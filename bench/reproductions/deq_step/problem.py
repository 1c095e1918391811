"""Noisy photographs, and the field of experts that restores them."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems import Denoising, FieldsOfExperts, Photographs, PseudoHuber, measure
from ....problems.linear_operator import LinearOperator

NOISE, WEIGHT, SCALE = 0.1, 0.1, 0.1
"""Of the images, of each filter, of the potential."""


@dataclass(frozen=True)
class DeqCase:
    """So many square images under so many filters, and the iterations of a solve."""

    images: int
    side: int
    filters: int
    size: int
    steps: int

    @property
    def name(self) -> str:
        """Its sizes in short."""
        return (
            f"{self.images} images of {self.side} x {self.side}, {self.filters} filters of {self.size} x "
            f"{self.size}, {self.steps} iterations"
        )


class DeqBatch(NamedTuple):
    """Noisy images with their truths, and the regulariser that restores them."""

    A: LinearOperator
    y: Float[Array, "n h w"]
    truth: Float[Array, "n h w"]
    regularizer: FieldsOfExperts

    def astype(self, dtype: str) -> "DeqBatch":
        """Return it in another precision."""
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), self)


def draw_batch(case: DeqCase) -> DeqBatch:
    """Draw crops of photographs with noise, and filters of norm one that sum to zero, in float64."""
    truth = Photographs().sample((case.side, case.side), case.images, 0)
    A, y = measure(Denoising(noise=NOISE), truth, 0)
    filters = np.random.default_rng([0, 16]).normal(size=(case.filters, case.size, case.size))
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    filters /= np.linalg.norm(filters, axis=(1, 2), keepdims=True)
    regularizer = FieldsOfExperts(
        jnp.asarray(filters), jnp.full(case.filters, WEIGHT, jnp.float64), PseudoHuber(SCALE)
    )
    return DeqBatch(A, y, jnp.asarray(truth), regularizer)
