"""Frozen dataclasses of settings, whose `repr` is the label in tables and records."""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from .declared_numbers import require_declared
from .known_classes import known

Class = TypeVar("Class")

_LEAVES = "_names_of_leaves"


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def configuration(cls: type[Class]) -> type[Class]:
    """Make `cls` a frozen dataclass with value equality whose `repr` names only what differs from a default.

    `Implicit(linear=Cg(max_steps=1000))` prints as `Implicit()` when those are the defaults, so that a
    label stays short and evaluates to an equal object. After the class's own checks, numbers are checked by
    what their fields are declared to hold (`require_declared`).

    It is a pytree too: settings that are arrays, such as a traced `Admm(rho=rho)`, are its leaves, and all
    others its structure. JAX rebuilds it without a check.
    """
    own = getattr(cls, "__post_init__", None)

    def check(self: Any) -> None:
        try:
            if own is not None:
                own(self)
        except TypeError:
            # Comparing with what is no number says less.
            require_declared(self)
            raise
        require_declared(self)

    cls.__post_init__ = check  # pyright: ignore[reportAttributeAccessIssue]
    cls = dataclasses.dataclass(frozen=True, repr=False)(cls)
    cls.__repr__ = _repr
    jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, lambda *parts: _unflatten(cls, *parts))
    return known(cls)


def _flatten_with_keys(self: Any) -> tuple[Any, Any]:
    names, fields = _names_of_leaves(self), [field.name for field in dataclasses.fields(self)]
    keyed = [(jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in names]
    return keyed, (names, tuple((name, getattr(self, name)) for name in fields if name not in names))


def _unflatten(cls: type[Class], structure: Any, leaves: Any) -> Class:
    names, statics = structure
    self = object.__new__(cls)
    for name, value in (*zip(names, leaves, strict=True), *statics):
        object.__setattr__(self, name, value)
    # What JAX puts in a leaf's place need not look like one.
    object.__setattr__(self, _LEAVES, names)
    return self


def _names_of_leaves(self: Any) -> tuple[str, ...]:
    known = vars(self).get(_LEAVES)
    if known is not None:
        return known
    names = (field.name for field in dataclasses.fields(self))
    return tuple(name for name in names if holds_arrays(getattr(self, name)))


def holds_arrays(value: Any) -> bool:
    """Tell whether some of what a pytree holds is an array."""
    return any(map(is_array, jax.tree.leaves(value)))


def is_array(value: Any) -> bool:
    """Tell an array, traced ones included; a scalar of numpy is a number."""
    return isinstance(value, jax.Array | np.ndarray)


def _repr(self: Any) -> str:
    changed = (
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr and _differs(getattr(self, field.name), field.default)
    )
    return f"{type(self).__name__}({', '.join(changed)})"


def _differs(value: Any, default: Any) -> bool:
    # Inside `jit` an array's value is not known, and it is no default.
    return is_array(value) or value != default
