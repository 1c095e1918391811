"""Classes that files may name: what `pytree` and `configuration` made, and nothing else."""

import sys
import weakref
from typing import TypeVar

Class = TypeVar("Class")

_PACKAGE = __name__.partition(".")[0]
_KNOWN: weakref.WeakSet[type] = weakref.WeakSet()


def known(cls: type[Class]) -> type[Class]:
    """Let files name a class; return it."""
    _KNOWN.add(cls)
    return cls


def is_known(cls: type) -> bool:
    """Tell whether files may name a class."""
    return cls in _KNOWN


def class_name(cls: type) -> str:
    """Return the name of a class in files: "problems.Dense", or "Mine" for one that a user wrote.

    The folder of the package keeps apart `problems.Dense` and `solvers.Dense`; the module stays out, as it
    can move.
    """
    package, _, rest = cls.__module__.partition(".")
    return f"{rest.partition('.')[0]}.{cls.__name__}" if package == _PACKAGE else cls.__name__


def class_named(name: str) -> type:
    """Return the known class of a name. Nothing is imported for it.

    Of classes that were written twice, as in a notebook, the one that its module holds now.

    Raises:
        ValueError: if there is none, or several.
    """
    named = [cls for cls in _KNOWN if class_name(cls) == name]
    found = [cls for cls in named if _is_held(cls)] or named
    if not found:
        raise ValueError(
            f"the class {name!r} is not known here; import the file that defines it first, or hand it over "
            "with --plugin; the class is one that problems.pytree or problems.configuration made"
        )
    if len(found) > 1:
        places = ", ".join(sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in found))
        raise ValueError(f"the name {name!r} stands for several classes: {places}; rename one of them")
    return found[0]


def _is_held(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    return module is not None and vars(module).get(cls.__qualname__) is cls
