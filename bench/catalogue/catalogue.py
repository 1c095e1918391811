"""What can be run, by name: what the folders re-export, and what a user's plug-in brings."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ... import hypergrad, problems, solvers
from ...hypergrad.method import Method
from ...problems.ground_truth import GroundTruth
from ...problems.linear_operator import LinearOperator
from ...problems.regularizer import Regularizer
from ...problems.regularizers.experts.potentials import Potential
from ...problems.task import Task
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solver import Solver
from .. import contenders
from ..errors import UserError, nearest
from .arguments import require_arguments
from .declared_traits import require_traits
from .default_object import default_object
from .entry import Entry, Origin
from .kebab_case import kebab_case
from .kind import KINDS, has_methods, kinds_in_plugin, kinds_of_room, own_classes, public_classes


@dataclass(frozen=True)
class Catalogue:
    """Hold what can be run, by name: regularisers and operators as classes, all else as default objects.

    A name is the class's in kebab case: `ClosedForm` is "closed-form".

    Attributes:
        origins: who brought a class; one that is not there is the library's own.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    regularizers: dict[str, type[Regularizer]] = field(default_factory=dict)
    data: dict[str, GroundTruth] = field(default_factory=dict)
    operators: dict[str, type[LinearOperator]] = field(default_factory=dict)
    potentials: dict[str, Potential] = field(default_factory=dict)
    solvers: dict[str, Solver] = field(default_factory=dict)
    linear_solvers: dict[str, LinearSolver] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    origins: dict[type, Origin] = field(default_factory=dict)

    def entries(self, kind: str, names: Iterable[str] = ()) -> list[Entry[Any]]:
        """Return the entries of one kind with these names, all of them for no names.

        Raises:
            UserError: for an unknown name, with the nearest one.
        """
        held = getattr(self, kind)
        wanted = [kebab_case(name) for name in names]
        for name in wanted:
            if name not in held:
                raise UserError(nearest(name, held, kind=KINDS[kind].singular))
        return [
            Entry(name, value, self.origin_of(value))
            for name, value in held.items()
            if name in wanted or not wanted
        ]

    def origin_of(self, value: Any) -> Origin:
        """Say who brought an object or a class."""
        return self.origins.get(_class_of(value), Origin.LIBRARY)

    def of_origin(self, origin: Origin) -> "Catalogue":
        """Return the part of the catalogue that one origin brought."""
        held = {
            kind: {
                name: value for name, value in getattr(self, kind).items() if self.origin_of(value) is origin
            }
            for kind in KINDS
        }
        return Catalogue(**held, origins=self.origins)


@functools.cache
def built_in() -> Catalogue:
    """Collect, once, what `problems`, `solvers`, `hypergrad` and the contenders re-export.

    Raises:
        UserError: if a class in a folder of solvers, methods, tasks or ground truths cannot be made without
            arguments, or does not make a value (see `require_value`).
    """
    catalogue = Catalogue()
    for package in (problems, solvers, hypergrad, contenders):
        origin = Origin.CONTENDER if package is contenders else Origin.LIBRARY
        for cls in public_classes(package):
            catalogue = _with(catalogue, cls, kinds_of_room(cls), origin)
    return catalogue


def collect(module: ModuleType, catalogue: Catalogue) -> Catalogue:
    """Return the catalogue with the classes added that a plug-in's module defines.

    Raises:
        UserError: if a name is taken, or a class that looks like a solver, method, task or ground
            truth cannot be made without arguments, does not make a value (see `require_value`), or does not
            say its traits (see `require_traits`).
    """
    for cls in own_classes(module):
        catalogue = _with(catalogue, cls, kinds_in_plugin(cls), Origin.PLUGIN)
    return catalogue


def ordered(entries: Iterable[Entry[Any]], order: Sequence[str]) -> list[Entry[Any]]:
    """Return entries in the order of their names in `order`, then the rest as they come."""
    place = {name: number for number, name in enumerate(order)}
    return sorted(entries, key=lambda entry: place.get(entry.name, len(place)))


def _with(catalogue: Catalogue, cls: type, kinds: Sequence[str], origin: Origin) -> Catalogue:
    """Return the catalogue with one class under each of its kinds."""
    for kind in kinds:
        held, name = getattr(catalogue, kind), kebab_case(cls.__name__)
        if name in held and _class_of(held[name]) is not cls:
            raise UserError(
                f"the {KINDS[kind].singular} {name!r} exists already; give the plug-in's class another name"
            )
        value = cls if KINDS[kind].as_class else default_object(cls)
        # Every class can be called; an object of it only where it says how.
        if not KINDS[kind].as_class and has_methods(value, KINDS[kind]):
            require_traits(value, kind)
            if kind == "methods":
                require_arguments(value)
        # What only looks like a task, as a lower level does, lacks an attribute that its object would have.
        if KINDS[kind].as_class or isinstance(value, KINDS[kind].protocol):
            changed: dict[str, Any] = {kind: {**held, name: value}}
            catalogue = dataclasses.replace(catalogue, **changed, origins={**catalogue.origins, cls: origin})
    return catalogue


def _class_of(value: Any) -> type:
    return value if isinstance(value, type) else type(value)
