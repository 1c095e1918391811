"""One thing that can be run, with its name and where it came from."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Value = TypeVar("Value", covariant=True)


class Origin(StrEnum):
    """Who brought an entry: this library, another library that is compared with it, or a user's file."""

    LIBRARY = "library"
    CONTENDER = "contender"
    PLUGIN = "plug-in"


@dataclass(frozen=True)
class Entry(Generic[Value]):
    """Hold a default object, or a class, under the name by which users ask for it.

    Attributes:
        name: of the class, in kebab case.
        value: the object itself; of a regulariser or an operator the class.
        origin: who brought it.
    """

    name: str
    value: Value
    origin: Origin

    @property
    def is_plugin(self) -> bool:
        """Tell whether a user's file brought it."""
        return self.origin is Origin.PLUGIN
