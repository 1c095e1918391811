"""How much the rows of a learned operator look like those of a known one."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

COUNTED = 0.01
"""A row counts if its norm is at least this share of the largest row's."""


class Likeness(NamedTuple):
    """Hold two means of best absolute cosines, and how many rows count.

    Attributes:
        of_rows: over the learned rows that count, with the expected row that is nearest.
        of_expected: over the expected rows, with the learned row that is nearest.
        rows: how many learned rows count.
    """

    of_rows: float
    of_expected: float
    rows: int


def likeness(W: Float64[np.ndarray, "k n"], expected: Float64[np.ndarray, "rows n"]) -> Likeness:
    """Compare rows by the absolute value of their cosine: neither signs nor sizes nor the order matter.

    Args:
        W: the learned operator.
        expected: rows of norm one.
    """
    norms = np.linalg.norm(W, axis=1)
    counted = norms >= COUNTED * norms.max()
    cosines = np.abs(W[counted] / norms[counted, None] @ expected.T)
    return Likeness(float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean()), int(counted.sum()))


def in_order(
    W: Float64[np.ndarray, "k n"], expected: Float64[np.ndarray, "rows n"]
) -> Float64[np.ndarray, "k n"]:
    """Return the rows in the order of the expected ones that they are nearest to, with their signs."""
    cosines = W @ expected.T
    nearest = np.argmax(np.abs(cosines), axis=1)
    order = np.argsort(nearest, kind="stable")
    signs = np.sign(cosines[np.arange(len(W)), nearest])
    return (np.where(signs == 0, 1.0, signs)[:, None] * W)[order]
