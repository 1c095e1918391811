"""The contestants of a sweep: each family's points, with the solvers that it meets."""

from collections.abc import Iterator, Sequence

import jax

from ...hypergrad.method import Method
from ...hypergrad.rules.implicit import fitting_linear
from ...problems.lower_level import LowerLevel
from ...solvers.budget import Budget
from ...solvers.solver import Solver
from ..catalogue.kebab_case import kebab_case
from .answer import Answer, ask, named
from .case import Contestant
from .sweeps import ONE_BY_ONE, Family, Sweep, families, family_of


def swept(
    lower: LowerLevel,
    solvers: Sequence[Solver],
    methods: Sequence[Method],
    sweep: Sweep,
    steps: tuple[int, ...],
) -> Iterator[Contestant]:
    """Yield every point of every method's sweep on one lower level; one contestant where it does not apply.

    Args:
        lower: the lower level.
        solvers: in the order of preference.
        methods: default objects; of built-in ones the classes say which families to sweep.
        sweep: over what.
        steps: budgets of rules that use every step, in rising order.
    """
    chosen = {type(method) for method in methods}
    built_in = list(families(sweep, steps, fitting_linear(lower)))
    known = {type(family.points[0][0]) for family in built_in}
    others = [family_of(method, sweep, steps) for method in methods if type(method) not in known]
    for family in (*(one for one in built_in if type(one.points[0][0]) in chosen), *others):
        yield from _contestants(lower, solvers, family, sweep)


def _contestants(
    lower: LowerLevel, solvers: Sequence[Solver], family: Family, sweep: Sweep
) -> Iterator[Contestant]:
    method, count, tolerance = family.points[0]
    partners, refused = _partners(lower, solvers, family)
    if partners and (reason := _too_many(lower, method, sweep)):
        partners, refused = [], {partners[0]: Answer(reason)}
    for solver, answer in refused.items():
        budget = Budget(count or sweep.max_steps, tolerance)
        yield Contestant(solver, budget, method, answer.reason, family.name, answer.failure)
    for solver in partners:
        for method, count, tolerance in family.points:
            yield Contestant(solver, Budget(count or sweep.max_steps, tolerance), method, "", family.name)


def _partners(
    lower: LowerLevel, solvers: Sequence[Solver], family: Family
) -> tuple[list[Solver], dict[Solver, Answer]]:
    """Return the solvers that a family meets; and if there are none, the likeliest one with the reason.

    Solvers at which it, or they themselves, fail to answer are among the latter.
    """
    method = family.points[0][0]
    answers = {solver: named(solver, ask(solver.supports, lower)) for solver in solvers}
    able = [solver for solver in solvers if answers[solver].yes]
    preferred = sorted(able, key=lambda solver: _rank(solver, family.solvers))
    answers |= {solver: ask(method.supports, solver, lower) for solver in preferred}
    failed = {solver: answer for solver, answer in answers.items() if answer.failure}
    partners = [solver for solver in preferred if answers[solver].yes]
    if not partners:
        likeliest = (preferred or solvers)[0]
        return [], failed or {likeliest: answers[likeliest]}
    return (partners if family.every_solver else partners[:1]), failed


def _rank(solver: Solver, preference: Sequence[str]) -> int:
    name = kebab_case(type(solver).__name__)
    return preference.index(name) if name in preference else len(preference)


def _too_many(lower: LowerLevel, method: Method, sweep: Sweep) -> str:
    """Say why a rule that moves one parameter after the other is left out; empty if it is not."""
    count = sum(leaf.size for leaf in jax.tree.leaves(lower.regularizer))
    if not isinstance(method, ONE_BY_ONE) or count <= sweep.parameters:
        return ""
    return (
        f"it moves one parameter after the other, and of {count} that takes too long here; up to "
        f"{sweep.parameters} are measured"
    )
