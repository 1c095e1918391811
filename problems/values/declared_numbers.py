"""Numbers in the fields of a dataclass, checked by what the fields are declared to hold."""

import dataclasses
import functools
import numbers
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import jax.numpy as jnp


def require_declared(instance: Any) -> None:
    """Raise an error that names the first field of a dataclass which is declared a number and holds none.

    A field that is declared `int` takes whole numbers, `float` any number, and an array only where the
    declaration has one: of a floating dtype, and of the shape () where that is declared. None and the strings
    of a `Literal` are taken where they are declared. Fields that are not declared numbers are not looked at.

    Raises:
        TypeError: if the value is no number, with what is accepted.
        ValueError: if it is a number that is not whole, a truth value, or an array of another shape.
    """
    for name, kinds in _numeric_fields(type(instance)).items():
        value = getattr(instance, name)
        if not any(_fits(value, kind) for kind in kinds):
            takes_arrays = any(map(_is_array_kind, kinds))
            is_number = isinstance(value, numbers.Real) or (takes_arrays and _is_floating(value))
            error = ValueError if is_number else TypeError
            raise error(f"{name} must be {' or '.join(map(_said, kinds))}; got {value!r}")


@functools.cache
def _numeric_fields(cls: type) -> dict[str, tuple[Any, ...]]:
    try:
        hints = get_type_hints(cls)
    except (NameError, TypeError):
        # A plug-in's annotations may name what is not there at run time.
        return {}
    kinds_of = {field.name: _kinds(hints[field.name]) for field in dataclasses.fields(cls)}
    return {name: kinds for name, kinds in kinds_of.items() if int in kinds or float in kinds}


def _kinds(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _kinds(part))
    return (hint,)


def _fits(value: Any, kind: Any) -> bool:
    if kind is NoneType:
        return value is None
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if _is_array_kind(kind):
        return _is_floating(value) and (value.shape == () or bool(kind.dim_str))
    if isinstance(value, bool):
        return kind is bool
    if kind in (int, float):
        return isinstance(value, numbers.Integral if kind is int else numbers.Real)
    return True


def _is_array_kind(kind: Any) -> bool:
    return hasattr(kind, "dim_str")


def _is_floating(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)


def _said(kind: Any) -> str:
    if _is_array_kind(kind):
        return "a floating-point array" + ("" if kind.dim_str else " of shape ()")
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return {int: "a whole number", float: "a number", NoneType: "None"}.get(kind, str(kind))
