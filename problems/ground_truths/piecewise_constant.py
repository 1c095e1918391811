"""Signals of plateaus: what a learned difference operator sparsifies."""

import numpy as np
from jaxtyping import Float64

from ..ground_truth import Split
from ..values.configuration import configuration
from .draws import require_probability, require_request, seed_sequence, unsupported


@configuration
class PiecewiseConstant:
    """Draw signals whose every position starts a new plateau with a given probability.

    x_i = h_i where a plateau starts (always at i = 0), x_{i-1} elsewhere, with heights h_i uniform on [0, 1).
    Caveat: a short signal is often constant, so that every difference operator annihilates it (at probability
    0.1 two in five of length 10, one in a thousand of length 64).
    Source: Ghosh, McCann and Ravishankar, 2021 (arXiv 2111.10858) and the authors' released code.

    Args:
        jump_probability: of a new plateau at each position, in [0, 1].

    Raises:
        TypeError: if `jump_probability` is not a number.
        ValueError: if it lies outside [0, 1].
    """

    jump_probability: float = 0.1

    def __post_init__(self) -> None:
        require_probability("jump_probability", self.jump_probability)

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count n"]:
        """Return `count` signals of shape (n,), values in [0, 1); raise `ValueError` for another shape."""
        require_request(self, shape, count)
        generator = np.random.default_rng(seed_sequence("PiecewiseConstant", seed, split))
        # One block a signal, so that a larger count only appends.
        uniform = generator.random((count, 2, *shape))
        starts = uniform[:, 0] < self.jump_probability
        # The 0 also starts the first plateau.
        latest_start = np.maximum.accumulate(np.where(starts, np.arange(*shape), 0), axis=1)
        return np.take_along_axis(uniform[:, 1], latest_start, axis=1)

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None for a shape (n,), else why not."""
        return unsupported("piecewise-constant signals", ("n",), shape)
