"""The authors' training step: a cvxpy solve for every signal, the closed form by an SVD, plain descent."""

import importlib.metadata
import importlib.util

import numpy as np
from jaxtyping import Float64

from ..cvxpy_denoising import THRESHOLD, DenoisingInCvxpy, gradient_by_projections

INSTALL = "not installed: pip install 'hypergrad-bench[peers]' brings it"


class PublishedTraining:
    """One problem that cvxpy has analysed once, with W and y as its parameters, at its default tolerances."""

    def __init__(self, length: int) -> None:
        """State the problem for square W."""
        self._stated = DenoisingInCvxpy(length, length)

    def gradient(
        self,
        W: Float64[np.ndarray, "k n"],
        y: Float64[np.ndarray, "batch n"],
        truth: Float64[np.ndarray, "batch n"],
    ) -> Float64[np.ndarray, "k n"]:
        """Return the gradient of the mean squared error of a batch by W.

        Raises:
            ValueError: if cvxpy's solver returns no solution.
        """
        found = np.zeros_like(W)
        for one, clean in zip(y, truth, strict=True):
            x = self._stated.solve(W, one)
            active = np.abs(W @ x) <= THRESHOLD
            found += gradient_by_projections(W, one, clean, x, active) / len(y)
        return found


def cvxpy_is_installed() -> bool:
    """Tell whether cvxpy can be imported; nothing is imported."""
    return importlib.util.find_spec("cvxpy") is not None


def cvxpy_versions() -> dict[str, str]:
    """Return the versions of cvxpy and of its default solver, as far as they are installed."""
    names = [name for name in ("cvxpy", "osqp") if importlib.util.find_spec(name) is not None]
    return {name: importlib.metadata.version(name) for name in names}
