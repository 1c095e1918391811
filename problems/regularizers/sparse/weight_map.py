"""Weights of an analysis operator's responses: one for all, one per filter, or one per response."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...arrays.channels import is_colour
from ...linear_operator import LinearOperator
from ...operators.dense import Dense
from ...operators.filter_bank import FilterBank
from ...operators.forward_differences import ForwardDifferences
from ...values.validation import require_floating, require_nonnegative


def weight_of(W: LinearOperator, weight: Any) -> Float[Array, "..."]:
    """Return a weight as an array: a number in the precision of W's arrays, weakly typed where it has none.

    A lower level gives a weakly typed weight the precision of the measurements.

    Raises:
        TypeError: if it is neither a number nor a floating-point array.
        ValueError: if it is negative.
    """
    if isinstance(weight, int | float):
        leaves = jax.tree.leaves(W)
        weight = jnp.asarray(weight, leaves[0].dtype) if leaves else jnp.asarray(float(weight))
    require_floating("weight", weight)
    require_nonnegative("weight", weight)
    return weight


def require_weights_of(W: LinearOperator, weight: Float[Array, "..."]) -> None:
    """Raise `ValueError` where a weight does not fit the number of rows or filters of W."""
    count = _row_count(W)
    if count is None or weight.ndim == 0 or weight.shape == (count,):
        return
    if isinstance(W, FilterBank) and weight.ndim in (3, 4) and weight.shape[0] in (1, count):
        return
    maps = f", or a map such as ({count}, h, w)" if isinstance(W, FilterBank) else ""
    raise ValueError(
        f"weight must be one number or one per row or filter, shape () or ({count},){maps}; "
        f"got shape {tuple(weight.shape)}"
    )


def spread_weight(
    W: LinearOperator, weight: Float[Array, "..."], u: Float[Array, "*range"]
) -> Float[Array, "*range"]:
    """Spread a weight over responses of the shape of `u`, in their precision.

    Raises:
        ValueError: if it is no number, not one per row, filter or direction, and no map of that shape.
    """
    along_first = weight.ndim == 1 and isinstance(W, Dense | FilterBank | ForwardDifferences)
    by_colour = is_colour(u.shape[-3:]) and weight.ndim == u.ndim - 1
    if weight.ndim and not along_first and not by_colour and weight.ndim != u.ndim:
        raise _misfit(weight, u)
    padded = weight.shape + (1,) * (u.ndim - weight.ndim) if weight.ndim else (1,) * u.ndim
    if any(side not in (1, length) for side, length in zip(padded, u.shape, strict=True)):
        raise _misfit(weight, u)
    return jnp.broadcast_to(weight.reshape(padded).astype(u.dtype), u.shape)


def _row_count(W: LinearOperator) -> int | None:
    if isinstance(W, Dense):
        return W.matrix.shape[0]
    return W.filters.shape[0] if isinstance(W, FilterBank) else None


def _misfit(weight: Array, u: Array) -> ValueError:
    return ValueError(
        f"weight must be one number, or fit the responses of shape {tuple(u.shape)}, with length one along "
        f"axes that share a weight; got shape {tuple(weight.shape)}"
    )
