"""Names in a plug-in that are nearly the right ones, for which a class would be left out without a word."""

import dataclasses
import difflib
from types import ModuleType

from ...hypergrad.method import Method
from ...problems.ground_truth import GroundTruth
from ...problems.regularizer import Regularizer
from ...problems.task import Task
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solver import Solver
from .kind import own_classes

_ALIKE = 0.8
_PROTOCOLS: tuple[type, ...] = (Task, GroundTruth, Regularizer, Solver, LinearSolver, Method)


def misspelt(module: ModuleType) -> list[str]:
    """Return a sentence for each class of a module that misses members of a protocol by their spelling alone.

    That is, for every member that it lacks it has another name that is nearly that. Traits have a check of
    their own, see `require_traits`.
    """
    return [sentence for cls in own_classes(module) if (sentence := _sentence(cls))]


def _sentence(cls: type) -> str:
    offered = {name for name in dir(cls) if not name.startswith("_")}
    if dataclasses.is_dataclass(cls):
        offered |= {field.name for field in dataclasses.fields(cls)}
    members = {
        protocol: {name for name in vars(protocol) if not name.startswith("_") and name != "traits"}
        for protocol in _PROTOCOLS
        if "__call__" not in vars(protocol) or "__call__" in dir(cls)
    }
    if any(names <= offered for names in members.values()):
        return ""
    for names in members.values():
        pairs = _nearly(offered - names, names - offered)
        if pairs and len(pairs) == len(names - offered):
            return _ask(cls, pairs)
    return ""


def _nearly(offered: set[str], missing: set[str]) -> dict[str, str]:
    """Return the missing names that have a near one among those offered, with it."""
    found = {}
    for name in sorted(missing):
        near = difflib.get_close_matches(name, sorted(offered), n=1, cutoff=_ALIKE)
        if near:
            found[name] = near[0]
    return found


def _ask(cls: type, pairs: dict[str, str]) -> str:
    return f"{cls.__name__} has " + ", ".join(
        f"{near!r}; did you mean {name!r}?" for name, near in pairs.items()
    )
