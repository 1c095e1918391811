"""l1 denoising in cvxpy's words, and the closed form in the projections of its authors: their own way."""

import importlib
import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

THRESHOLD = 1e-6
"""The authors' threshold below which a response counts as zero."""


class DenoisingInCvxpy:
    """min_x 1/2 ||x - y||^2 + ||W x||_1, with W and y as parameters of a problem that is analysed once."""

    def __init__(self, rows: int, length: int) -> None:
        """State the problem."""
        # By name, since it is in no installation but those with the extra.
        cvxpy: Any = importlib.import_module("cvxpy")
        self._x, self._W = cvxpy.Variable(length), cvxpy.Parameter((rows, length))
        self._y = cvxpy.Parameter(length)
        energy = 0.5 * cvxpy.sum_squares(self._x - self._y) + cvxpy.norm1(self._W @ self._x)
        self._energy = cvxpy.Problem(cvxpy.Minimize(energy))

    def solve(
        self, W: Float64[np.ndarray, "k n"], y: Float64[np.ndarray, " n"], **options: Any
    ) -> Float64[np.ndarray, " n"]:
        """Solve from a cold start, with cvxpy's options.

        Raises:
            ValueError: if its solver returns no solution.
        """
        self._W.value, self._y.value = W, y
        with warnings.catch_warnings():
            # On solutions that miss a tight tolerance: the gradient's error is reported beside each time.
            warnings.simplefilter("ignore")
            self._energy.solve(warm_start=False, **options)
        if self._x.value is None:
            raise ValueError(f"no solution; the solver ended with {self._energy.status}")
        return np.asarray(self._x.value)

    def backward(self, cotangent: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "k n"]:
        """Return the gradient by W that the cone program hands back for one by x."""
        self._x.gradient = cotangent
        self._energy.backward()
        return np.asarray(self._W.gradient)


def gradient_by_projections(
    W: Float64[np.ndarray, "k n"],
    y: Float64[np.ndarray, " n"],
    truth: Float64[np.ndarray, " n"],
    x: Float64[np.ndarray, " n"],
    active: Bool[np.ndarray, " k"],
) -> Float64[np.ndarray, "k n"]:
    """Return the gradient of the mean squared error by W in numpy, from an SVD of the active rows W0.

    With N = I - W0^+ W0, s the signs of the other rows' responses, q = y - W+-^T s and g the gradient of the
    loss by x:

        dW+- = -s (N g)^T,    dW0 = -(W0^+)^T (g q^T + q g^T) N = -(W0^+)^T g (N q)^T - (W0^+)^T q (N g)^T.

    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), theorem on the gradient; the second form of dW0,
    two outer products in place of a matrix product, is ours.
    """
    zero, rest = W[active], W[~active]
    signs = np.sign(rest @ x)
    g = 2 * (x - truth) / x.size
    q = y - rest.T @ signs
    pseudoinverse = np.linalg.pinv(zero)
    projected_g = g - pseudoinverse @ (zero @ g)
    projected_q = q - pseudoinverse @ (zero @ q)
    gradient = np.empty_like(W)
    gradient[~active] = -np.outer(signs, projected_g)
    gradient[active] = -np.outer(pseudoinverse.T @ g, projected_q) - np.outer(
        pseudoinverse.T @ q, projected_g
    )
    return gradient
