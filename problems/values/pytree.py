"""Frozen dataclasses that JAX can trace: array fields are leaves, fields marked `static` are not."""

import dataclasses
import weakref
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np

from .configuration import holds_arrays
from .known_classes import known

Class = TypeVar("Class")

_CLASSES: weakref.WeakSet[type] = weakref.WeakSet()


def static(default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that is part of the tree's structure: hashable, compared by value, never traced."""
    return dataclasses.field(default=default, metadata={"static": True})


def setting(default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that holds a configuration: its arrays are leaves, and all else of it is structure.

    An object that is no pytree, such as one of a class that a user wrote, is structure as a whole.
    """
    return dataclasses.field(default=default, metadata={"setting": True})


@dataclass_transform(
    frozen_default=True, eq_default=False, field_specifiers=(dataclasses.field, static, setting)
)
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
    settings = {field.name for field in fields if field.metadata.get("setting")}

    def children(tree: Class) -> list[Any]:
        values = {name: getattr(tree, name) for name in leaves}
        return [_Whole(one) if name in settings and _is_leaf(one) else one for name, one in values.items()]

    def flatten_with_keys(tree: Class) -> tuple[Any, Any]:
        keyed = list(zip(map(jax.tree_util.GetAttrKey, leaves), children(tree), strict=True))
        return keyed, tuple(getattr(tree, name) for name in statics)

    def flatten(tree: Class) -> tuple[Any, Any]:
        return children(tree), tuple(getattr(tree, name) for name in statics)

    def unflatten(static_values: Any, leaf_values: Any) -> Class:
        tree = object.__new__(cls)
        for name, value in zip(leaves + statics, (*leaf_values, *static_values), strict=True):
            object.__setattr__(tree, name, value.value if isinstance(value, _Whole) else value)
        return tree

    cls.__repr__ = _repr
    _CLASSES.add(cls)
    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return known(cls)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Whole:
    """An object that JAX does not look into."""

    value: Any


def _is_leaf(value: Any) -> bool:
    return jax.tree_util.all_leaves([value])


def check_again(tree: Any) -> None:
    """Run the checks of a tree's constructors, from the inside out: what JAX rebuilds has not passed them.

    A step of an optimiser (`jax.tree.map`) is such a rebuilt tree. Looks into classes made by `pytree` alone.
    """
    if type(tree) not in _CLASSES:
        return
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if field.metadata.get("setting") and dataclasses.is_dataclass(value) and holds_arrays(value):
            # Made anew, it is checked as what a person makes.
            dataclasses.replace(value)  # pyright: ignore[reportArgumentType]
        elif not field.metadata.get("static"):
            check_again(value)
    check = getattr(tree, "__post_init__", None)
    if check is not None:
        check()


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
