"""Frozen dataclasses that JAX can trace: array fields are leaves, fields marked `static` are not."""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np

Class = TypeVar("Class")


def static(default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that is part of the tree's structure: hashable, compared by value, never traced."""
    return dataclasses.field(default=default, metadata={"static": True})


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(dataclasses.field, static))
def pytree(cls: type[Class]) -> type[Class]:
    """Make `cls` a frozen dataclass and register it as a pytree.

    Flattening and unflattening never call `__init__`: JAX rebuilds trees from tracers, `None` and stacked
    arrays, which a constructor that checks what a person passed would refuse.
    `jax.tree_util.register_dataclass` does call it, hence the registration by hand. A person's NumPy arrays
    become JAX arrays, of JAX's precision, before the class checks them.
    """
    _take_numpy(cls)
    cls = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    fields = dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
    leaves = tuple(field.name for field in fields if not field.metadata.get("static"))
    statics = tuple(field.name for field in fields if field.metadata.get("static"))

    def flatten_with_keys(tree: Class) -> tuple[Any, Any]:
        keyed = [(jax.tree_util.GetAttrKey(name), getattr(tree, name)) for name in leaves]
        return keyed, tuple(getattr(tree, name) for name in statics)

    def flatten(tree: Class) -> tuple[Any, Any]:
        return [getattr(tree, name) for name in leaves], tuple(getattr(tree, name) for name in statics)

    def unflatten(static_values: Any, leaf_values: Any) -> Class:
        tree = object.__new__(cls)
        for name, value in zip(leaves + statics, (*leaf_values, *static_values), strict=True):
            object.__setattr__(tree, name, value)
        return tree

    cls.__repr__ = _repr
    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def _take_numpy(cls: type) -> None:
    """Let a class turn NumPy arrays among its leaves into JAX arrays before its own checks."""
    check = getattr(cls, "__post_init__", None)

    def __post_init__(self: Any) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            # A `np.float64` is a Python number, which takes the precision of what it stands beside.
            array = isinstance(value, np.ndarray | np.generic) and not isinstance(value, float)
            if array and not field.metadata.get("static"):
                object.__setattr__(self, field.name, jnp.asarray(value))
        if check is not None:
            check(self)

    cls.__post_init__ = __post_init__


def _repr(self: Any) -> str:
    fields = (f"{field.name}={_show(getattr(self, field.name))}" for field in dataclasses.fields(self))
    return f"{type(self).__name__}({', '.join(fields)})"


def _show(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{jnp.dtype(value.dtype).name}{list(value.shape)}"
    return repr(value)
