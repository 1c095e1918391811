"""Errors over the size of what is right, and numbers that JSON can hold."""

from typing import Any

import numpy as np
from jaxtyping import Float


def relative_error(found: Float[np.ndarray, "*shape"], exact: Float[np.ndarray, "*shape"]) -> float:
    """Return ||found - exact|| / ||exact||; NaN where `found` is not finite, or `exact` zero."""
    norm = float(np.linalg.norm(exact))
    if not (np.isfinite(found).all() and np.isfinite(norm) and norm):
        return float("nan")
    return float(np.linalg.norm(found - exact)) / norm


def finite(value: Any) -> float | None:
    """Return a plain number; None for none, and where it is not finite, which JSON cannot hold."""
    return float(value) if value is not None and np.isfinite(value) else None
