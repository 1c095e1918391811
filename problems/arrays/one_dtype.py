"""One dtype for all arrays that meet in a lower level."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SUPPORTED = ("float32", "float64")
SHOWN = 4


def require_one_dtype(tree: Any, what: str) -> Any:
    """Return the dtype of a tree's floating arrays, None without one; all are float32, or all float64.

    The message names the leaves of each dtype, and says how to convert them. Numbers and weakly typed scalars
    (a Python number inside `jax.grad`) take the others' dtype, and are not looked at.

    Args:
        tree: any pytree; leaves without a dtype are passed over.
        what: it is, for the message.

    Raises:
        TypeError: if there are two, or another one.
    """
    found: dict[str, list[str]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating) and not is_weak(leaf):
            dtype = jax.dtypes.canonicalize_dtype(leaf.dtype).name
            found.setdefault(dtype, []).append(jax.tree_util.keystr(path, simple=True, separator="."))
    if len(found) > 1 or not set(found) <= set(SUPPORTED):
        listed = "; ".join(f"{dtype}: {_shown(names)}" for dtype, names in found.items())
        raise TypeError(
            f"all arrays of {what} must be {' or all '.join(SUPPORTED)}; got {listed}. To convert a tree: "
            "jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)"
        )
    return jnp.dtype(next(iter(found))) if found else None


def in_dtype(tree: Any, dtype: Any) -> Any:
    """Return a tree whose numbers, numpy arrays and weakly typed scalars are JAX's arrays of a dtype."""

    def settled(leaf: Any) -> Any:
        if isinstance(leaf, bool) or not isinstance(leaf, int | float | np.ndarray | np.generic | jax.Array):
            return leaf
        return leaf if isinstance(leaf, jax.Array) and not is_weak(leaf) else jnp.asarray(leaf, dtype)

    return jax.tree.map(settled, tree)


def settle_fields(instance: Any, dtype: Any) -> None:
    """Put `in_dtype` of every field in the field's place, where that is another; for constructors."""
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
