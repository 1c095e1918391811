"""Is the precision of matrix products that JAX was told one with which float64 is float64?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import UserError
from ..failure import failure_of

_LOST = 1e-12
"""Relative error from which a product of float64 arrays is not one in float64."""


def require_matmul_precision() -> None:
    """Raise `UserError` if products in the precision that the user chose fail, or are not exact in float64.

    References and their checks are computed in float64, and would be wrong together. Names of algorithms,
    such as BF16_BF16_F32, convert float64 arrays without a word where they do not refuse to compile; the
    precisions `default`, `high` and `highest` concern float32 alone. Nothing is computed where none is
    chosen.
    """
    chosen = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
    if chosen is None:
        return
    for dtype in ("float64", "float32"):
        try:
            error = _error_of_products(dtype)
        except BaseException as raised:
            problem = f"a product in {dtype} is not computed ({failure_of(raised)})"
        else:
            if dtype == "float32" or error < _LOST:
                continue
            problem = f"a product in float64 is off by {error:.1e}, so that references would be wrong"
        raise UserError(
            f"JAX_DEFAULT_MATMUL_PRECISION is {chosen!r}, with which {problem}; leave it out, or give "
            "default, high or highest, which keep float64 as it is"
        )


def _error_of_products(dtype: str) -> float:
    """Return the largest relative error of a matrix product, a matrix-vector product and a dot product."""
    draws = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(dtype)

    def products(A: Any, B: Any) -> tuple[Any, ...]:
        return A @ B, A[0] @ B[0, 0], A[0, 0] @ B[0, 0], A @ B[:, 0, :, None]

    computed = jax.jit(products)(jnp.asarray(draws), jnp.asarray(draws[::-1]))
    exact = products(draws, draws[::-1])
    pairs = zip(map(np.asarray, computed), map(np.asarray, exact), strict=True)
    return max(float(np.max(np.abs(one - other)) / np.max(np.abs(other))) for one, other in pairs)
