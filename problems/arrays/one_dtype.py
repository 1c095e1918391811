"""One dtype for all arrays that meet in a lower level."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SUPPORTED = ("float32", "float64")
SHOWN = 4


def require_one_dtype(tree: Any, what: str) -> Any:
    """Return the one dtype of a tree's floating arrays, float32 or float64; None if it has no such array.

    The message names the leaves of each dtype, and says how to convert them. Numbers and weakly typed scalars
    (a Python number inside `jax.grad`) take the others' dtype, and are not looked at.

    Args:
        tree: any pytree; leaves without a dtype are passed over.
        what: what the tree is, for the message.

    Raises:
        TypeError: if both dtypes are there, or another one.
    """
    by_dtype: dict[str, list[str]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating) and not is_weak(leaf):
            dtype = jax.dtypes.canonicalize_dtype(leaf.dtype).name
            by_dtype.setdefault(dtype, []).append(jax.tree_util.keystr(path, simple=True, separator="."))
    if len(by_dtype) > 1 or not set(by_dtype) <= set(SUPPORTED):
        listed = "; ".join(f"{dtype}: {_shown(names)}" for dtype, names in by_dtype.items())
        raise TypeError(
            f"all arrays of {what} must be {' or all '.join(SUPPORTED)}; got {listed}. To convert a tree: "
            "jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)"
        )
    return jnp.dtype(next(iter(by_dtype))) if by_dtype else None


def in_dtype(tree: Any, dtype: Any) -> Any:
    """Convert a tree's numbers, NumPy arrays and weakly typed scalars to JAX arrays of a dtype."""

    def settled(leaf: Any) -> Any:
        if isinstance(leaf, bool) or not isinstance(leaf, int | float | np.ndarray | np.generic | jax.Array):
            return leaf
        return leaf if isinstance(leaf, jax.Array) and not is_weak(leaf) else jnp.asarray(leaf, dtype)

    return jax.tree.map(settled, tree)


def settle_fields(instance: Any, dtype: Any) -> None:
    """Convert every field of an object in place, by `in_dtype`; for constructors."""
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        leaves, structure = jax.tree.flatten(value)
        settled = in_dtype(leaves, dtype)
        if any(new is not old for new, old in zip(settled, leaves, strict=True)):
            object.__setattr__(instance, field.name, structure.unflatten(settled))


def is_weak(leaf: Any) -> bool:
    """Tell a scalar that was a Python number, which takes the dtype of what it meets."""
    return getattr(getattr(leaf, "aval", leaf), "weak_type", False)


def _shown(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
