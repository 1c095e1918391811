"""Who meets an instance: which solver with which method, with what budget."""

import dataclasses
import math
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
from ..errors import UserError
from .answer import Answer, ask, named
from .case import Contestant
from .lineup import Lineup
from .problem import Problem
from .request import Request
from .suites import MAX_STEPS, TOLERANCES
from .sweeps import family_name
from .swept import swept

LARGEST_DENSE_HESSIAN = 1024


def contestants(request: Request, problem: Problem, lower: LowerLevel) -> Iterator[Contestant]:
    """Pair the solvers and methods of a problem on its lower level, each pair with its budgets.

    Raises:
        UserError: for an impossible budget.
    """
    lineup = problem.lineup
    solvers = _solvers(lineup, lower)
    if request.suite.sweep is not None:
        yield from swept(lower, solvers, lineup.methods, request.suite.sweep, problem.unrolled_steps)
        return
    variants = [variant for method in lineup.methods for variant in _variants(method, problem, lower)]
    for pair in _pairs(lower, solvers, variants, lineup.further_solvers):
        budgets = _budgets(request, problem, pair.method)
        for budget in budgets if lineup.all_budgets else budgets[-1:]:
            yield Contestant(
                pair.solver, budget, pair.method, pair.answer.reason, failure=pair.answer.failure
            )


def failed_contestants(request: Request, problem: Problem, failure: str) -> Iterator[Contestant]:
    """Give every usual method of a problem one contestant that says why there is no instance.

    Without a lower level nobody can be asked what it supports: each stands beside the first solver.
    """
    lineup, swept_too = problem.lineup, request.suite.sweep is not None
    solver = (*lineup.solvers, *lineup.reserves)[0]
    for method in lineup.usual:
        budget = _budgets(request, problem, method)[-1]
        sweep = family_name(method) if swept_too else ""
        yield Contestant(solver, budget, method, sweep=sweep, failure=failure)


class _Pair(NamedTuple):
    """A solver with a method, and whether they go together."""

    solver: Solver
    method: Method
    answer: Answer = Answer()


def _solvers(lineup: Lineup, lower: LowerLevel) -> Sequence[Solver]:
    """Return the solvers of a lineup, or the reserves that support the lower level if none of these does."""
    answers = {solver: ask(solver.supports, lower) for solver in lineup.solvers}
    if any(answer.yes for answer in answers.values()):
        return lineup.solvers
    able = [solver for solver in lineup.reserves if ask(solver.supports, lower).yes]
    failed = [solver for solver, answer in answers.items() if answer.failure]
    return [*failed, *able] if able else lineup.solvers


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


def _variants(method: Method, problem: Problem, lower: LowerLevel) -> list[Method]:
    """Return the settings of a method that are rows of their own."""
    if method == Unrolled():
        every = max(1, round(problem.unrolled_steps[-1] ** 0.5))
        return [method, Unrolled(checkpoint_every=every)]
    if method == Implicit():
        fitting = fitting_implicit(lower)
        dense = dataclasses.replace(fitting, linear=Dense())
        return [fitting, dense] if math.prod(problem.shape) <= LARGEST_DENSE_HESSIAN else [fitting]
    return [method]


def fitting_implicit(lower: LowerLevel) -> Implicit:
    """Return the implicit rule of the condition that the lower level has, with a linear solver that does."""
    if isinstance(lower.regularizer, OperatorRegularizer):
        return Implicit(linear=Gmres())
    known_by_prox = isinstance(lower.regularizer, ProximalRegularizer)
    if known_by_prox and not isinstance(lower.regularizer, AnalysisRegularizer | SmoothRegularizer):
        return Implicit(linear=Gmres(), on="fixed-point")
    return Implicit()


def _budgets(request: Request, problem: Problem, method: Method) -> list[Budget]:
    """Return one budget, or for plain unrolling a rising row of them."""
    asked = request.selection
    tolerance = TOLERANCES[problem.dtype] if asked.tolerance is None else asked.tolerance
    steps = _steps(method, problem) if asked.max_steps is None else (asked.max_steps,)
    try:
        return [Budget(count, tolerance) for count in steps]
    except ValueError as error:
        raise UserError(str(error)) from error


def _steps(method: Method, problem: Problem) -> tuple[int, ...]:
    if not method.traits.uses_every_step:
        return (MAX_STEPS,)
    return problem.unrolled_steps if method == Unrolled() else problem.unrolled_steps[-1:]
