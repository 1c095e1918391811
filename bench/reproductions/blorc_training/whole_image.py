"""A whole noisy image denoised: by a W on overlapping patches, by cosine transforms, by total variation."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from ....problems import Identity, LowerLevel
from ....problems.regularizers.sparse.total_variation import total_variation
from ....solvers import Budget, DualFista, Solution, solve
from ...measure.outcome_status import status_of
from ...measure.untimed import untimed
from ...records.status import Status
from .certified_batch import dictionary, solve_inexactly
from .patches import SIDE, average_patches, patches_of
from .signals import cosine_transform

WEIGHTS = tuple(float(weight) for weight in np.geomspace(0.02, 0.5, 15))
"""Of total variation and of the cosine transform; 26% apart."""
BLOCK, STEPS = 2048, 200
GAP = 1e-6
"""Up to this duality gap over ||y||^2 a patch counts as solved: it bounds half its squared relative error."""
TOTAL_VARIATION = Budget(max_steps=1000, tolerance=1e-4)
METHODS = ("total variation", "isotropic total variation", "cosine transform")


class DenoisedImage(NamedTuple):
    """A denoised image, and whether its solve reached the tolerance."""

    image: Float64[np.ndarray, "h w"]
    solved: bool


class TunedImage(NamedTuple):
    """An image that a baseline denoised with the weight that was best on another one.

    Attributes:
        weight: the best of `WEIGHTS`.
        image: what it made of the testing image.
        missed: solves that missed their tolerance, of the testing image, and of the other at any weight.
    """

    weight: float
    image: Float64[np.ndarray, "h w"]
    missed: int


def by_patches(
    W: Float64[np.ndarray, "k n"], noisy: Float64[np.ndarray, "h w"]
) -> tuple[Float64[np.ndarray, "h w"], float]:
    """Denoise every 8 x 8 patch by W and average; the largest relative duality gap comes second."""
    patches = patches_of(noisy)
    # The last block is filled up with patches of zeros, whose solution is zero.
    missing = -len(patches) % min(BLOCK, len(patches))
    blocks = np.pad(patches, ((0, missing), (0, 0))).reshape(-1, min(BLOCK, len(patches)), SIDE * SIDE)
    found, gaps = untimed(_solve_blocks)(jnp.asarray(W), jnp.asarray(blocks))
    kept = np.asarray(found).reshape(-1, SIDE * SIDE)[: len(patches)]
    return average_patches(kept, _shape(noisy)), float(jnp.max(gaps))


def tuned_image(
    method: str, truth: Float64[np.ndarray, "h w"], training: Float64[np.ndarray, "h w"],
    testing: Float64[np.ndarray, "h w"],
) -> TunedImage:  # fmt: skip
    """Choose a baseline's weight on a noisy training image and its truth; denoise the testing image."""
    restore = {
        "total variation": partial(_by_total_variation, False),
        "isotropic total variation": partial(_by_total_variation, True),
        "cosine transform": _by_cosines,
    }[method]
    tried = [restore(weight, training) for weight in WEIGHTS]
    weight = WEIGHTS[int(np.argmin([np.mean(np.square(one.image - truth)) for one in tried]))]
    tested = restore(weight, testing)
    return TunedImage(weight, tested.image, sum(not one.solved for one in (*tried, tested)))


def _by_cosines(weight: float, noisy: Float64[np.ndarray, "h w"]) -> DenoisedImage:
    """Shrink the cosine coefficients of every patch but its mean, and average: C^T soft(C y)."""
    C = np.kron(cosine_transform(SIDE), cosine_transform(SIDE))
    coefficients = patches_of(noisy) @ C.T
    kept = np.sign(coefficients) * np.maximum(np.abs(coefficients) - weight, 0)
    kept[:, 0] = coefficients[:, 0]
    return DenoisedImage(average_patches(kept @ C, _shape(noisy)), True)


def _by_total_variation(isotropic: bool, weight: float, noisy: Float64[np.ndarray, "h w"]) -> DenoisedImage:
    compiled = untimed(_solve_total_variation, static=(0,))
    found = compiled(isotropic, jnp.asarray(weight), jnp.asarray(noisy))
    return DenoisedImage(np.asarray(found.x), status_of(found.status) is Status.OK)


def _solve_total_variation(isotropic: bool, weight: Float[Array, ""], noisy: Float[Array, "h w"]) -> Solution:
    lower = LowerLevel(Identity(), noisy, total_variation(weight, isotropic))
    return solve(DualFista(), TOTAL_VARIATION, lower)


def _solve_blocks(
    W: Float[Array, "k n"], blocks: Float[Array, "blocks block n"]
) -> tuple[Float[Array, "blocks block n"], Float[Array, "blocks block"]]:
    shared = dictionary(W)
    return jax.lax.map(lambda block: solve_inexactly(shared, block, STEPS), blocks)


def _shape(image: Float64[np.ndarray, "h w"]) -> tuple[int, int]:
    height, width = image.shape
    return height, width
