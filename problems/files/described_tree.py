"""Trees of settings and arrays, taken apart into plain JSON and named arrays, and put together again."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Shaped

from ..values.configuration import is_array
from ..values.known_classes import class_name, class_named, is_known

Arrays = dict[str, Shaped[np.ndarray, "..."]]


class DescribedTree(NamedTuple):
    """A tree without its arrays, and the arrays.

    Attributes:
        description: what JSON has: None, truth values, numbers, texts, and objects with one of the keys
            "array", "class", "dict", "list" and "tuple".
        arrays: by their place in the tree, such as "W.filters".
    """

    description: Any
    arrays: Arrays


def describe(tree: Any) -> DescribedTree:
    """Take a tree apart: arrays, numbers, texts, dictionaries, lists, tuples, and objects of known classes.

    Known are the classes that `pytree` and `configuration` made.

    Raises:
        TypeError: for anything else, with its place in the tree.
        ValueError: for a number that is not finite, an array that is being traced or whose numbers numpy
            does not have, or two arrays at places of one name.
    """
    arrays: Arrays = {}
    return DescribedTree(_described(tree, "", arrays), arrays)


def rebuild(description: Any, arrays: Arrays) -> Any:
    """Put a tree together again; objects are made by their classes' constructors, which check the values.

    Nothing but known classes is called, and nothing is imported.

    Raises:
        ValueError: if the description has another form, names a class that is not known or fields that it
            does not have, or does not fit the arrays; and what constructors raise.
        TypeError: what constructors raise.
    """
    left = dict(arrays)
    tree = _rebuilt(description, left)
    if left:
        raise ValueError(f"the description has no place for the arrays {', '.join(sorted(left))}")
    return tree


def same_bits(one: Any, other: Any) -> bool:
    """Tell whether two trees have one structure and arrays of the same types and bits."""
    if jax.tree.structure(one) != jax.tree.structure(other):
        return False
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(_same_leaf(*pair) for pair in pairs)


def _described(value: Any, place: str, arrays: Arrays) -> Any:
    if is_array(value):
        return _described_array(value, place, arrays)
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return _finite(float(value), place)
    if type(value) is dict:
        return {"dict": _described_members(value, place, arrays)}
    if type(value) in (list, tuple):
        entries = [_described(one, _below(place, number), arrays) for number, one in enumerate(value)]
        return {type(value).__name__: entries}
    if is_known(type(value)):
        members = {name: getattr(value, name) for name in _fields(type(value))}
        return {"class": class_name(type(value)), "fields": _described_members(members, place, arrays)}
    raise TypeError(
        f"{place or 'it'} is a {type(value).__name__}; arrays, numbers, texts, and objects of classes that "
        "problems.pytree or problems.configuration made are accepted"
    )


def _described_members(members: dict[Any, Any], place: str, arrays: Arrays) -> dict[str, Any]:
    for key in members:
        if type(key) is not str:
            raise TypeError(f"{place or 'it'} has the key {key!r}; texts are accepted")
    return {key: _described(one, _below(place, key), arrays) for key, one in members.items()}


def _described_array(value: Any, place: str, arrays: Arrays) -> dict[str, Any]:
    if isinstance(value, Tracer):
        raise ValueError(f"{place} is being traced and has no numbers yet; outside of jit it has")
    if value.dtype.kind not in "biufc":
        raise ValueError(f"{place} holds numbers of {value.dtype}; float32 and float64 are accepted")
    name = place or "array"
    if name in arrays:
        raise ValueError(f"two arrays have the place {name!r}; use keys without dots")
    # A copy, C-contiguous, that keeps the shape ().
    arrays[name] = np.array(value, order="C")
    return {"array": name, "weak": True} if _is_weak(value) else {"array": name}


def _finite(number: float, place: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{place} is {number}; finite numbers are accepted")
    return number


def _below(place: str, key: Any) -> str:
    return f"{place}.{key}" if place else str(key)


def _fields(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass or a named tuple."""
    return (
        tuple(field.name for field in dataclasses.fields(cls))
        if dataclasses.is_dataclass(cls)
        else cls._fields
    )


def _rebuilt(node: Any, left: Arrays) -> Any:
    if node is None or isinstance(node, bool | int | float | str):
        return node
    match node:
        case {"array": str(name), **rest} if rest in ({}, {"weak": True}):
            return _rebuilt_array(name, bool(rest), left)
        case {"class": str(name), "fields": dict(fields), **rest} if not rest:
            return _made(class_named(name), {key: _rebuilt(one, left) for key, one in fields.items()})
        case {"dict": dict(members), **rest} if not rest:
            return {key: _rebuilt(one, left) for key, one in members.items()}
        case {"list": list(entries), **rest} if not rest:
            return [_rebuilt(one, left) for one in entries]
        case {"tuple": list(entries), **rest} if not rest:
            return tuple(_rebuilt(one, left) for one in entries)
    raise ValueError(f"the description holds {str(node)[:80]!r}, which stands for nothing that is known")


def _made(cls: Any, fields: dict[str, Any]) -> Any:
    # Fields that a later version added have their defaults; others that are missing the constructor names.
    unknown = sorted(set(fields) - set(_fields(cls)))
    if unknown:
        raise ValueError(
            f"{class_name(cls)} has no {', '.join(unknown)}: a newer version may; it has "
            f"{', '.join(_fields(cls)) or 'no fields'}"
        )
    return cls(**fields)


def _rebuilt_array(name: str, weak: bool, left: Arrays) -> Array:
    if name not in left:
        raise ValueError(f"the array {name!r} is missing, or stands in two places")
    stored = left.pop(name)
    if jax.dtypes.canonicalize_dtype(stored.dtype) != stored.dtype:
        raise ValueError(
            f"{name} holds {stored.dtype} numbers, which JAX would cut to 32 bits; "
            'jax.config.update("jax_enable_x64", True) as the program starts keeps them'
        )
    array = jnp.asarray(stored)
    # What is set into a weakly typed array is weakly typed.
    return jnp.full(stored.shape, stored.dtype.type(0).item()).at[...].set(array) if weak else array


def _same_leaf(one: Any, other: Any) -> bool:
    if not is_array(one) or not is_array(other):
        return type(one) is type(other) and one == other
    ours, theirs = np.asarray(one), np.asarray(other)
    same_type = ours.dtype == theirs.dtype and ours.shape == theirs.shape and _is_weak(one) == _is_weak(other)
    return same_type and ours.tobytes() == theirs.tobytes()


def _is_weak(value: Any) -> bool:
    return isinstance(value, jax.Array) and jax.typeof(value).weak_type
