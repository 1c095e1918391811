"""Signals with few cosine coefficients: what a learned cosine transform sparsifies."""

import numpy as np
from jaxtyping import Float64

from ..ground_truth import Split
from ..values.configuration import configuration
from .draws import require_probability, require_request, seed_sequence, unsupported


@configuration
class DctSparse:
    """Draw signals with few coefficients in the orthonormal cosine transform (DCT-II).

    x = C^T c with C the orthonormal DCT-II and c_i = b_i v_i, b_i Bernoulli(density), v_i uniform on [-1, 1).
    Values are centred on 0 and ||x|| = ||c||.
    Caveat: a share (1 - density)^n of the signals is exactly zero (one in a thousand at n = 64).
    Source: Ghosh, McCann and Ravishankar, 2021 (arXiv 2111.10858) and the authors' released code.

    Args:
        density: probability that a coefficient is not zero, in [0, 1].

    Raises:
        TypeError: if `density` is not a number.
        ValueError: if it lies outside [0, 1].
    """

    density: float = 0.1

    def __post_init__(self) -> None:
        require_probability("density", self.density)

    def sample(
        self, shape: tuple[int, ...], count: int, seed: int, split: Split = "train"
    ) -> Float64[np.ndarray, "count n"]:
        """Return `count` signals of shape (n,); raise `ValueError` for another shape."""
        import scipy.fft  # it takes a third as long to import as JAX

        require_request(self, shape, count)
        generator = np.random.default_rng(seed_sequence("DctSparse", seed, split))
        # One block a signal, so that a larger count only appends.
        uniform = generator.random((count, 2, *shape))
        coefficients = np.where(uniform[:, 0] < self.density, 2 * uniform[:, 1] - 1, 0.0)
        return np.asarray(scipy.fft.idct(coefficients, type=2, norm="ortho", axis=1))

    def supports(self, shape: tuple[int, ...]) -> str | None:
        """Return None for a shape (n,), else why not."""
        return unsupported("DCT-sparse signals", ("n",), shape)
