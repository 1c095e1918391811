"""The kinds of things that can be run: their protocols, and the folders that are their rooms."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from typing_extensions import is_protocol

from ...hypergrad.method import Method
from ...problems.ground_truth import GroundTruth
from ...problems.ground_truths.image_folder import ImageFolder
from ...problems.linear_operator import ExampleOperator, LinearOperator
from ...problems.regularizer import Regularizer
from ...problems.regularizers.experts.potentials import Potential
from ...problems.task import Task
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solver import Solver


@dataclass(frozen=True)
class Kind:
    """Say what one kind of entry is called, and where it is found.

    Attributes:
        singular: its word in messages.
        rooms: the folders of the package whose classes can be of this kind.
        protocol: what they offer.
        demanded: the methods by which a class is known, before there is an object of it.
        as_class: whether the class itself is the entry, since it needs arrays to be made.
    """

    singular: str
    rooms: tuple[str, ...]
    protocol: type
    demanded: tuple[str, ...]
    as_class: bool = False


_ITERATION = ("supports", "init", "step", "iterate", "residual")
_OPERATOR = ("__call__", "adjoint", "squared_norm")

KINDS = {
    "tasks": Kind("task", ("problems.tasks",), Task, ("operator",)),
    "regularizers": Kind("regularizer", ("problems.regularizers",), Regularizer, ("initial",), as_class=True),
    "data": Kind("data", ("problems.ground_truths",), GroundTruth, ("sample", "supports")),
    "operators": Kind("operator", ("problems.operators",), LinearOperator, _OPERATOR, as_class=True),
    "potentials": Kind("potential", ("problems.regularizers",), Potential, ("value", "derivative")),
    "solvers": Kind("solver", ("solvers.iterations",), Solver, _ITERATION),
    "linear_solvers": Kind("linear solver", ("solvers.linear",), LinearSolver, ("solve_linear",)),
    "methods": Kind("method", ("hypergrad.rules", "bench.contenders"), Method, ("supports", "__call__")),
}


def public_classes(module: ModuleType) -> Iterator[type]:
    """Yield the classes that a module exports, without protocols."""
    for value in vars(module).values():
        if inspect.isclass(value) and not is_protocol(value):
            yield value


def own_classes(module: ModuleType) -> list[type]:
    """Return the classes that a module defines itself, without protocols."""
    return [cls for cls in public_classes(module) if cls.__module__ == module.__name__]


def kinds_of_room(cls: type) -> list[str]:
    """Return the kinds of a built-in class: those of its folder whose methods it has.

    The images of a folder come from `--images` and have no name to be asked for by.
    """
    room = cls.__module__.partition(".")[2]
    return [
        name
        for name, kind in KINDS.items()
        if any(room.startswith(f"{one}.") for one in kind.rooms)
        and has_methods(cls, kind)
        and cls is not ImageFolder
    ]


def kinds_in_plugin(cls: type) -> list[str]:
    """Return the kinds of a plug-in's class: those whose methods it has.

    A regulariser is nothing else. An operator without an example is checked through the task that makes it.
    """
    found = [name for name, kind in KINDS.items() if has_methods(cls, kind)]
    if "regularizers" in found:
        return ["regularizers"]
    return [name for name in found if name != "operators" or issubclass(cls, ExampleOperator)]


def has_methods(value: Any, kind: Kind) -> bool:
    """Tell whether a class, or an object, has the methods by which a class of a kind is known."""
    return all(callable(getattr(value, name, None)) for name in kind.demanded)
