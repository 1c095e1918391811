"""Who meets an instance: which solver with which method, with what budget."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...hypergrad.method import Method
from ...hypergrad.rules.implicit import Implicit
from ...hypergrad.rules.unrolled import Unrolled
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import (
    AnalysisRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    SmoothRegularizer,
)
from ...solvers.budget import Budget
from ...solvers.linear.dense import Dense
from ...solvers.linear.gmres import Gmres
from ...solvers.solver import Solver
from .. import contenders
from ..errors import UserError
from .answer import Answer, ask, named
from .case import Contestant, Instance
from .catalogue import Catalogue, built_in, kebab_case, ordered
from .selection import Selection
from .suites import MAX_STEPS, TOLERANCES, Suite, Workload, suite_of
from .sweeps import Sweep, family_name
from .swept import swept

METHOD_ORDER = (
    "closed-form",
    "support-reduced",
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
LARGEST_DENSE_HESSIAN = 1024
_CONTENDERS = tuple(cls for cls in vars(contenders).values() if isinstance(cls, type))


def contestants(
    instance: Instance, lower: LowerLevel, workload: Workload, selection: Selection, catalogue: Catalogue
) -> Iterator[Contestant]:
    """Pair solvers and methods on one instance, each pair with its budgets.

    In the selection's first precision everybody runs. In the others contenders, further solvers and the
    smaller budgets of unrolling stay out, unless they are asked for by name: there the question is what
    the precision costs. The suite says on which tasks contenders, further solvers and further methods run.

    Raises:
        UserError: for an unknown name or an impossible budget.
    """
    suite = _own_methods(suite_of(selection.suite), workload)
    if suite.sweep is not None:
        yield from _swept(lower, workload, suite.sweep, selection, catalogue)
        return
    first = instance.dtype == (selection.dtypes or suite.dtypes)[0]
    task = kebab_case(type(instance.task).__name__)
    methods = _methods(selection, suite, catalogue, first and task in suite.further_methods_on)
    if not selection.methods and not (first and task in suite.contenders_on):
        methods = [method for method in methods if not isinstance(method, _CONTENDERS)]
    variants = [variant for method in methods for variant in _variants(method, workload, lower)]
    solvers = _solvers(selection, suite, catalogue, lower)
    further = first and task in suite.further_solvers_on
    for pair in _pairs(lower, solvers, variants, further or bool(selection.solvers)):
        budgets = _budgets(pair.method, instance.dtype, workload, selection)
        for budget in budgets if first or selection.methods else budgets[-1:]:
            yield Contestant(
                pair.solver, budget, pair.method, pair.answer.reason, failure=pair.answer.failure
            )


def failed_contestants(
    instance: Instance, failure: str, workload: Workload, selection: Selection, catalogue: Catalogue
) -> Iterator[Contestant]:
    """Give every method that would run on an instance one contestant that says why there is no instance.

    Without a lower level nobody can be asked what it supports: each stands beside the first solver.
    """
    suite = _own_methods(suite_of(selection.suite), workload)
    sweep = suite.sweep
    solver = ordered(catalogue.pick("solvers", selection.solvers), suite.solvers)[0]
    for method in _methods(selection, suite, catalogue, further=sweep is not None and not suite.methods):
        if isinstance(method, _CONTENDERS) and not selection.methods:
            continue
        budget = _budgets(method, instance.dtype, workload, selection)[-1]
        yield Contestant(solver, budget, method, sweep=family_name(method) if sweep else "", failure=failure)


class _Pair(NamedTuple):
    """A solver with a method, and whether they go together."""

    solver: Solver
    method: Method
    answer: Answer = Answer()


def _own_methods(suite: Suite, workload: Workload) -> Suite:
    """Return the suite with the workload's methods, if it has any, and nobody further."""
    if not workload.methods:
        return suite
    return dataclasses.replace(
        suite, methods=workload.methods, further_methods_on=(), further_solvers_on=(), contenders_on=()
    )


def _swept(
    lower: LowerLevel, workload: Workload, sweep: Sweep, selection: Selection, catalogue: Catalogue
) -> Iterator[Contestant]:
    """Sweep the methods asked for, or the suite's; contenders only by name, as they take most of the time."""
    if selection.tolerance is not None or selection.max_steps is not None:
        raise UserError(
            f"the suite {selection.suite!r} sweeps tolerances and steps itself; leave --tolerance and "
            "--max-steps out"
        )
    suite = suite_of(selection.suite)
    methods = _methods(selection, suite, catalogue, further=not suite.methods)
    if not (selection.methods or suite.methods):
        methods = [method for method in methods if not isinstance(method, _CONTENDERS)]
    solvers = _solvers(selection, suite, catalogue, lower)
    yield from swept(lower, solvers, methods, sweep, workload.unrolled_steps)


def _pairs(
    lower: LowerLevel, solvers: Sequence[Solver], methods: Sequence[Method], further: bool
) -> Iterator[_Pair]:
    """Give every method a solver and, if asked, every further solver one method; with a reason if any.

    A solver that fails to answer gets a pair that says so.
    """
    answers = {solver: named(solver, ask(solver.supports, lower)) for solver in solvers}
    able = [solver for solver in solvers if answers[solver].yes]
    met = set()
    for method in methods:
        pair = _partnered(lower, able, method) if able else _Pair(solvers[0], method, answers[solvers[0]])
        met.add(pair.solver)
        yield pair
    for solver in able if further else ():
        lead = next((method for method in methods if ask(method.supports, solver, lower).yes), None)
        if solver not in met and lead is not None:
            yield _Pair(solver, lead)
    for solver, answer in answers.items():
        if answer.failure and solver not in met:
            yield _Pair(solver, methods[0], answer)


def _partnered(lower: LowerLevel, able: Sequence[Solver], method: Method) -> _Pair:
    """Pair a method with the first solver that suits it or at which it fails to answer, or with the first."""
    answers = {solver: ask(method.supports, solver, lower) for solver in able}
    chosen = next((one for one in able if answers[one].yes or answers[one].failure), able[0])
    return _Pair(chosen, method, answers[chosen])


def _variants(method: Method, workload: Workload, lower: LowerLevel) -> list[Method]:
    """Return the settings of a method that are rows of their own."""
    if method == Unrolled():
        every = max(1, round(workload.unrolled_steps[-1] ** 0.5))
        return [method, Unrolled(checkpoint_every=every)]
    if method == Implicit():
        size = 1
        for length in workload.shape:
            size *= length
        fitting = _fitting_implicit(lower)
        dense = dataclasses.replace(fitting, linear=Dense())
        return [fitting, dense] if size <= LARGEST_DENSE_HESSIAN else [fitting]
    return [method]


def _fitting_implicit(lower: LowerLevel) -> Implicit:
    """Return the implicit rule of the condition that the lower level has, with a linear solver that does."""
    if isinstance(lower.regularizer, OperatorRegularizer):
        return Implicit(linear=Gmres())
    known_by_prox = isinstance(lower.regularizer, ProximalRegularizer)
    if known_by_prox and not isinstance(lower.regularizer, AnalysisRegularizer | SmoothRegularizer):
        return Implicit(linear=Gmres(), on="fixed-point")
    return Implicit()


def _budgets(method: Method, dtype: str, workload: Workload, selection: Selection) -> list[Budget]:
    """Return one budget, or for plain unrolling a rising row of them."""
    tolerance = TOLERANCES[dtype] if selection.tolerance is None else selection.tolerance
    steps = _steps(method, workload) if selection.max_steps is None else (selection.max_steps,)
    try:
        return [Budget(count, tolerance) for count in steps]
    except ValueError as error:
        raise UserError(str(error)) from error


def _steps(method: Method, workload: Workload) -> tuple[int, ...]:
    if not getattr(method, "uses_every_step", False):
        return (MAX_STEPS,)
    return workload.unrolled_steps if method == Unrolled() else workload.unrolled_steps[-1:]


def _methods(selection: Selection, suite: Suite, catalogue: Catalogue, further: bool) -> list[Method]:
    """Return the methods asked for; else the suite's and those of plug-ins, or all of them."""
    entries = catalogue.pick("methods", selection.methods)
    if not (selection.methods or further):
        own = built_in().methods
        entries = {name: one for name, one in entries.items() if name in suite.methods or name not in own}
    return ordered(entries, METHOD_ORDER)


def _solvers(selection: Selection, suite: Suite, catalogue: Catalogue, lower: LowerLevel) -> list[Solver]:
    """Return the solvers asked for; else the suite's and plug-ins', or all that are able if these are not."""
    if selection.solvers:
        return ordered(catalogue.pick("solvers", selection.solvers), suite.solvers)
    own = built_in().solvers
    chosen = {
        name: one for name, one in catalogue.solvers.items() if name in suite.solvers or name not in own
    }
    if not any(ask(one.supports, lower).yes for one in chosen.values()):
        able = {name: one for name, one in catalogue.solvers.items() if ask(one.supports, lower).yes}
        failed = {name: one for name, one in chosen.items() if ask(one.supports, lower).failure}
        chosen = able | failed if able else chosen
    return ordered(chosen, suite.solvers)
