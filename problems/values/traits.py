"""Typed traits: what a solver or a rule says of itself, in fields that cannot be misspelt."""

import dataclasses
import difflib
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

from .declared_numbers import require_declared

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def traits(cls: type[Class]) -> type[Class]:
    """Make `cls` a frozen dataclass of named statements, every one with a default.

    A name that it does not have, and a value of another kind than the default's, are refused when it is made.

    Raises:
        TypeError: by the class made, with the nearest right name or with what is accepted.
        ValueError: by the class made, for a number in the place of another kind of number.
    """
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    fill = made.__init__

    # Only a constructor that takes any name can answer a wrong one with the right one.
    def __init__(self: Any, **given: Any) -> None:
        for name in given:
            _require_known(made, name)
        fill(self, **given)
        _require_kinds(self)

    made.__init__ = __init__
    return made


@runtime_checkable
class HasTraits(Protocol):
    """What says its traits."""

    @property
    def traits(self) -> object:
        """An object of a class made by `traits`."""
        ...


def require_traits(entry: object, wanted: type) -> None:
    """Raise `TypeError` unless an object says its traits, as an object of the class that is wanted."""
    said = entry.traits if isinstance(entry, HasTraits) else "missing"
    if not isinstance(said, wanted):
        raise TypeError(
            f"{type(entry).__name__}.traits is {said}; `traits = {wanted.__name__}()` in the class, without "
            "an annotation, is the least that is accepted"
        )


def _require_known(cls: Any, name: str) -> None:
    known = [field.name for field in dataclasses.fields(cls)]
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    question = f"; did you mean {near[0]!r}?" if near else "."
    raise TypeError(f"{cls.__name__} has no {name!r}{question} It has {', '.join(known)}")


def _require_kinds(made: Any) -> None:
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if isinstance(field.default, bool) and not isinstance(value, bool):
            raise TypeError(f"{field.name} must be True or False; got {value!r}")
    require_declared(made)
