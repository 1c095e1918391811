"""Checks of what a person passes to a constructor; values are inspected only where they are concrete."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool

STACKED = (
    "take its real part, or stack both along a last axis, jnp.stack([z.real, z.imag], axis=-1), as "
    "MaskedFourier has its measurements"
)


def is_concrete(value: Any) -> bool:
    """Say whether `value` is an array whose entries can be read now (not a tracer, not a bare shape)."""
    return isinstance(value, np.ndarray | np.generic | jax.Array) and not isinstance(value, Tracer)


def is_known(setting: Any) -> bool:
    """Say whether a setting is one number that can be compared now: inside `jit` a traced one cannot."""
    return not isinstance(setting, Tracer) and np.ndim(setting) == 0


def require_floating(name: str, value: Any) -> None:
    """Raise `TypeError` unless `value` is a floating-point array: leaves are differentiated."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        raise TypeError(f"{name} must be an array; got {type(value).__name__}")
    require_real(name, value, STACKED)
    if not jax.numpy.issubdtype(value.dtype, jax.numpy.floating):
        raise TypeError(
            f"{name} must be a floating-point array, since it can be differentiated; got dtype {value.dtype}"
        )


def require_real(name: str, value: Any, instead: str) -> None:
    """Raise `TypeError` if `value`, traced or not, is complex; `instead` says what to hand over."""
    if jax.numpy.issubdtype(value.dtype, jax.numpy.complexfloating):
        raise TypeError(f"{name} must be real; got dtype {value.dtype}: {instead}")


def require_dimensions(name: str, value: Any, meaning: str, *dimensions: int) -> None:
    """Raise `ValueError` unless `value.ndim` is one of `dimensions`; `meaning` says what the axes are."""
    if value.ndim not in dimensions:
        raise ValueError(f"{name} must have shape {meaning}; got shape {tuple(value.shape)}")


def require_finite(name: str, value: Any) -> None:
    """Raise `ValueError` if a concrete `value` holds NaN or infinity, saying how many and where first."""
    if not is_concrete(value):
        return
    wrong = ~np.isfinite(np.asarray(value))
    if wrong.any():
        first = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name} must be finite; {int(wrong.sum())} of its {wrong.size} entries are NaN or infinite, "
            f"the first at index {first}"
        )


def require_nonnegative(name: str, value: Any) -> None:
    """Raise `ValueError` if a concrete `value` has a negative entry, saying the smallest."""
    require_finite(name, value)
    if is_concrete(value) and np.size(value) and (smallest := np.asarray(value).min()) < 0:
        raise ValueError(f"{name} must not be negative; its smallest entry is {float(smallest):g}")


def require_weight(weight: Any) -> None:
    """Raise unless `weight` is one floating-point number that is not negative."""
    require_floating("weight", weight)
    if weight.shape != ():
        raise ValueError(f"weight must be one number, shape (); got shape {tuple(weight.shape)}")
    require_nonnegative("weight", weight)


def all_nonnegative(*parameters: Any) -> Bool[Array, ""]:
    """Tell whether no entry of some arrays is below zero; NaN, which no solve survives, is not."""
    return ~jnp.any(jnp.stack([jnp.any(array < 0) for array in parameters]))


def all_positive(setting: Any) -> Bool[Array, ""]:
    """Tell whether all arrays of a setting are positive; NaN counts as such, as in `all_nonnegative`."""
    leaves = [leaf for leaf in jax.tree.leaves(setting) if hasattr(leaf, "dtype")]
    return jnp.logical_not(jnp.any(jnp.asarray([False, *(jnp.any(leaf <= 0) for leaf in leaves)])))
