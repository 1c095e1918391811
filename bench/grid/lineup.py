"""Who runs on a problem, before anybody is asked what it supports."""

from dataclasses import dataclass
from typing import Any

from ...hypergrad.method import Method
from ...solvers.solver import Solver
from ..catalogue.catalogue import Catalogue, ordered
from ..catalogue.entry import Entry, Origin
from .selection import Selection
from .suites import OTHERS, Suite, Workload

METHOD_ORDER = (
    "closed-form",
    "support-reduced",
    "piggyback",
    "implicit",
    "shine",
    "one-step",
    "phantom",
    "restarted",
    "unrolled",
    "forward-mode",
    "finite-difference",
    "spsa",
)
"""In which methods are measured, the exact ones first; all others follow in the order of the catalogue."""


@dataclass(frozen=True)
class Lineup:
    """The methods and solvers that meet on a problem.

    Attributes:
        methods: in the order in which they are measured.
        usual: those of them that say so where there is no problem to run on.
        solvers: in the order of preference.
        reserves: take the solvers' place where none of these supports the lower level.
        further_solvers: whether every solver that supports the lower level meets one method.
        all_budgets: whether unrolling goes through all its budgets, or through the largest alone.
    """

    methods: tuple[Method, ...]
    usual: tuple[Method, ...]
    solvers: tuple[Solver, ...]
    reserves: tuple[Solver, ...]
    further_solvers: bool
    all_budgets: bool


@dataclass(frozen=True)
class _Place:
    """A workload on a task, in one precision.

    In the first precision everybody runs. In the others contenders, further solvers and the smaller budgets
    of unrolling stay out, unless they are asked for by name: there the question is what the precision costs.
    """

    suite: Suite
    workload: Workload
    task: str
    first: bool

    def among(self, tasks: tuple[str, ...]) -> bool:
        """Tell whether it is the first precision of one of these tasks, and the suite says who runs."""
        return self.first and self.task in tasks and not self.workload.methods


def lineup_of(
    selection: Selection, catalogue: Catalogue, suite: Suite, workload: Workload, task: str, first: bool
) -> Lineup:
    """Return who runs on a workload and a task: who was asked for, else the suite's and those of plug-ins.

    Args:
        selection: what was asked for.
        catalogue: of all that can run.
        suite: who runs where nobody was asked for.
        workload: one of the suite's, whose own methods run in place of the suite's.
        task: its name.
        first: whether this is the selection's first precision.

    Raises:
        UserError: for an unknown name.
    """
    place = _Place(suite, workload, task, first)
    methods, usual = _methods(selection, catalogue, place)
    solvers, reserves = _solvers(selection, catalogue, suite)
    return Lineup(
        _values(methods),
        _values(usual),
        _values(solvers),
        _values(reserves),
        bool(selection.solvers) or place.among(suite.further_solvers_on),
        first or bool(selection.methods),
    )


def _methods(
    selection: Selection, catalogue: Catalogue, place: _Place
) -> tuple[list[Entry[Method]], list[Entry[Method]]]:
    """Return the methods that run, and those that say why there is no problem to run on."""
    entries = ordered(catalogue.entries("methods", selection.methods), METHOD_ORDER)
    if selection.methods:
        return entries, entries
    suite = place.suite
    entries = [entry for entry in entries if entry.name not in suite.methods_on_request]
    own = place.workload.methods or suite.methods
    everybody = suite.sweep is not None and not own
    usual = [entry for entry in entries if everybody or _is_of(entry, own)]
    methods = entries if everybody or place.among(suite.further_methods_on) else usual
    # Contenders take most of the time, so that a sweep of everybody does without.
    welcome = bool(own) if suite.sweep is not None else place.among(suite.contenders_on)
    return (methods if welcome else _without_contenders(methods)), _without_contenders(usual)


def _solvers(
    selection: Selection, catalogue: Catalogue, suite: Suite
) -> tuple[list[Entry[Solver]], list[Entry[Solver]]]:
    """Return the solvers that run, in the order of preference, and those that step in for them."""
    entries = ordered(catalogue.entries("solvers", selection.solvers), suite.solvers)
    if selection.solvers:
        return entries, []
    chosen = [entry for entry in entries if _is_of(entry, suite.solvers)]
    return chosen, [entry for entry in entries if entry not in chosen]


def _is_of(entry: Entry[Any], names: tuple[str, ...]) -> bool:
    """Tell whether a list of a suite has an entry; it has every plug-in's."""
    return entry.is_plugin or entry.name in names or OTHERS in names


def _without_contenders(entries: list[Entry[Method]]) -> list[Entry[Method]]:
    return [entry for entry in entries if entry.origin is not Origin.CONTENDER]


def _values(entries: list[Entry[Any]]) -> tuple[Any, ...]:
    return tuple(entry.value for entry in entries)
