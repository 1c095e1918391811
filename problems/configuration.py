"""Frozen dataclasses of hyperparameters, whose `repr` is the label in tables and records."""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def configuration(cls: type[Class]) -> type[Class]:
    """Make `cls` a frozen dataclass with value equality whose `repr` names only what differs from a default.

    `Implicit(linear=Cg(max_steps=1000))` prints as `Implicit()` when those are the defaults, so that a
    label stays short and evaluates to an equal object.
    """
    cls = dataclasses.dataclass(frozen=True, repr=False)(cls)
    cls.__repr__ = _repr
    return cls


def _repr(self: Any) -> str:
    changed = (
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr and _differs(getattr(self, field.name), field.default)
    )
    return f"{type(self).__name__}({', '.join(changed)})"


def _differs(value: Any, default: Any) -> bool:
    # Inside `jit` an array's value is not known, and it is no default.
    return isinstance(value, jax.Array) or value != default
