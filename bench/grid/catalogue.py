"""What can be run, by name: what the folders re-export, and what a user's plug-in brings."""

import functools
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ... import hypergrad, problems, solvers
from ...hypergrad.method import Method
from ...problems.ground_truth import GroundTruth
from ...problems.ground_truths.image_folder import ImageFolder
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.task import Task
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solver import Solver
from .. import contenders
from ..errors import UserError, nearest
from ..failure import failure_of
from .value import require_value


@dataclass(frozen=True)
class Catalogue:
    """Hold what can be run, by name: regularisers as classes, everything else as default objects.

    A name is the class's in kebab case: `ClosedForm` is "closed-form".
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    regularizers: dict[str, type[Regularizer]] = field(default_factory=dict)
    data: dict[str, GroundTruth] = field(default_factory=dict)
    solvers: dict[str, Solver] = field(default_factory=dict)
    linear_solvers: dict[str, LinearSolver] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)

    def pick(self, kind: str, names: Iterable[str]) -> dict[str, Any]:
        """Return the entries of one kind with these names, all of them for no names.

        Raises:
            UserError: for an unknown name, with the nearest one.
        """
        entries = getattr(self, kind)
        wanted = [kebab_case(name) for name in names]
        for name in wanted:
            if name not in entries:
                raise UserError(nearest(name, entries, kind=_SINGULAR[kind]))
        return {name: entry for name, entry in entries.items() if name in wanted or not wanted}


_SINGULAR = {
    "tasks": "task",
    "regularizers": "regularizer",
    "data": "data",
    "solvers": "solver",
    "linear_solvers": "linear solver",
    "methods": "method",
}
_PROTOCOLS = {
    "tasks": Task,
    "data": GroundTruth,
    "solvers": Solver,
    "linear_solvers": LinearSolver,
    "methods": Method,
}
_CHANGING = re.compile(r" at 0x[0-9a-fA-F]+|set\(|\{['\"\w]+[,}]")
"""What prints otherwise in another process: addresses and sets."""
_OFFERED = (
    "operator",
    "sample",
    "supports",
    "init",
    "step",
    "iterate",
    "residual",
    "solve_linear",
    "__call__",
)


@functools.cache
def built_in() -> Catalogue:
    """Collect, once, what `problems`, `solvers`, `hypergrad` and the contenders re-export."""
    return collect([problems, solvers, hypergrad, contenders], Catalogue())


def collect(modules: Iterable[ModuleType], catalogue: Catalogue, own: bool = False) -> Catalogue:
    """Return the catalogue with the classes of some modules added; with `own`, only those defined there.

    Raises:
        UserError: if a name is taken, or a class that looks like a solver, method, task or ground
            truth cannot be made without arguments, or does not make a value (see `require_value`).
    """
    entries = {kind: dict(getattr(catalogue, kind)) for kind in _SINGULAR}
    for module in modules:
        for cls in vars(module).values():
            if not inspect.isclass(cls) or getattr(cls, "_is_protocol", False):
                continue
            if own and cls.__module__ != module.__name__:
                continue
            for kind, entry in _classify(cls):
                _add(entries[kind], kind, cls, entry)
    return Catalogue(**entries)


def ordered(entries: Mapping[str, Any], order: Sequence[str]) -> list[Any]:
    """Return entries in the order of their names in `order`, then the rest as they come."""
    first = [name for name in order if name in entries]
    return [entries[name] for name in (*first, *(name for name in entries if name not in first))]


def kebab_case(name: str) -> str:
    """Return "closed-form" for "ClosedForm", "closed_form" or "Closed-Form"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return re.sub(r"[_\s]+", "-", spaced).lower()


def _classify(cls: type) -> list[tuple[str, Any]]:
    if issubclass(cls, Regularizer):
        return [("regularizers", cls)]
    # An image folder comes from `--images`; a lower level has an `operator`, as a task has, but is none.
    wanted = [kind for kind, protocol in _PROTOCOLS.items() if _has_members(cls, protocol)]
    if not wanted or cls in (ImageFolder, LowerLevel):
        return []
    try:
        entry, twin = cls(), cls()
    except BaseException as error:
        raise UserError(
            f"{cls.__name__} must be made without arguments, every field with a default: {failure_of(error)}"
        ) from error
    require_value(entry)
    require_value(twin)
    _refuse_without_a_name(entry, twin)
    return [(kind, entry) for kind in wanted if isinstance(entry, _PROTOCOLS[kind])]


def _refuse_without_a_name(entry: Any, twin: Any) -> None:
    """Refuse what does not print as its name and fields: records are named by it, in every process alike.

    Python's own repr holds an address, and a set prints in another order in every process.
    """
    name, text = type(entry).__name__, repr(entry)
    if text == repr(twin) and text.startswith(name) and not _CHANGING.search(text):
        return
    raise UserError(
        f"{name}() prints as {text}, and records are named by that: it must be {name}(...) with the "
        "values of its fields, the same in every process; make it a frozen dataclass, as "
        "`hypergrad_bench.problems.configuration` does, or give it such a __repr__, without address or set"
    )


def _has_members(cls: type, protocol: type) -> bool:
    demanded = [
        name for name, value in vars(protocol).items() if inspect.isfunction(value) and name in _OFFERED
    ]
    return all(callable(getattr(cls, name, None)) for name in demanded)


def _add(entries: dict[str, Any], kind: str, cls: type, entry: Any) -> None:
    name = kebab_case(cls.__name__)
    if name in entries and type(entries[name]) is not cls and entries[name] is not cls:
        raise UserError(
            f"the {_SINGULAR[kind]} {name!r} exists already; give the plug-in's class another name"
        )
    entries[name] = entry
