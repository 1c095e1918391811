"""How a method is swept over its budget: the points at which it is measured, from cheap to accurate."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...hypergrad.method import AdjointMethod, Method
from ...hypergrad.rules.closed_form import ClosedForm
from ...hypergrad.rules.finite_difference import FiniteDifference
from ...hypergrad.rules.forward_mode import ForwardMode
from ...hypergrad.rules.implicit import Implicit
from ...hypergrad.rules.one_step import OneStep
from ...hypergrad.rules.phantom import Phantom
from ...hypergrad.rules.restarted import Restarted
from ...hypergrad.rules.shine import Shine
from ...hypergrad.rules.spsa import Spsa
from ...hypergrad.rules.support_reduced import SupportReduced
from ...hypergrad.rules.unrolled import Unrolled
from ...solvers.budget import Budget
from ...solvers.linear.circulant_preconditioner import CirculantPreconditioner
from ...solvers.linear.dense import Dense
from ...solvers.linear.gmres import Gmres
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.linear.minres import Minres
from ...solvers.linear.neumann import Neumann
from .case import Contestant
from .sweep import Sweep

ONE_BY_ONE = (FiniteDifference, ForwardMode)
"""Rules whose time grows with the number of parameters."""


class Family(NamedTuple):
    """A method with the settings that its sweep goes through.

    Attributes:
        name: what tables and figures call it.
        points: methods, each with its limit of steps (None: the suite's) and its tolerance.
        solvers: names in the order of preference; empty takes the suite's.
        every_solver: whether it meets each of those that support it, or the first alone.
    """

    name: str
    points: tuple[tuple[Method, int | None, float], ...]
    solvers: tuple[str, ...] = ()
    every_solver: bool = False


def families(sweep: Sweep, steps: tuple[int, ...], linear: LinearSolver) -> Iterator[Family]:
    """Yield the built-in methods with their sweeps.

    Args:
        sweep: over what.
        steps: budgets of rules that use every step, in rising order.
        linear: what the implicit rule solves with where none is named: tolerances are tied to it.
    """
    yield over_tolerances(ClosedForm(), sweep)._replace(every_solver=True)
    yield over_tolerances(ClosedForm(factored_up_to=0), sweep)
    yield over_tolerances(SupportReduced(), sweep)
    fitting, circulant = Implicit(linear), CirculantPreconditioner()
    yield over_tolerances(fitting, sweep)._replace(name=family_name(Implicit()), every_solver=True)
    preconditioned = family_name(Implicit(preconditioner=circulant))
    yield over_tolerances(Implicit(linear, preconditioner=circulant), sweep)._replace(name=preconditioned)
    for method in (
        Implicit(linear=Minres()),
        Implicit(linear=Dense()),
        # On l1 the system is singular and 100 steps do not solve it; nor do 1000, in ten times the time.
        Implicit(linear=Gmres(max_steps=100), on="fixed-point"),
    ):
        yield over_tolerances(method, sweep)
    yield _of("Implicit(linear=Neumann)", [Implicit(linear=Neumann(k)) for k in sweep.lengths], sweep)
    yield _of("Shine", [Shine(k) for k in (0, *sweep.lengths)], sweep)
    yield _of("Phantom", [Phantom(k) for k in sweep.lengths], sweep)
    yield _of("OneStep", [OneStep()], sweep)
    yield over_steps(Unrolled(), sweep, steps)
    yield over_steps(Unrolled(checkpoint_every="recursive"), sweep, steps[-1:])
    yield over_steps(ForwardMode(), sweep, steps[1:3])
    lasts = [max(1, round(share * steps[-1])) for share in sweep.shares]
    yield Family("Restarted", tuple((Restarted(k), steps[-1], sweep.tight) for k in lasts))
    yield Family("Unrolled(last)", tuple((Unrolled(last=k), steps[-1], sweep.tight) for k in lasts))
    # Differences of solutions: where there is a solver with few steps they take that.
    quick = ("dual-fista", "active-set")
    for method in (FiniteDifference(), Spsa()):
        yield Family(family_name(method), ((method, None, sweep.baseline),), quick)


def family_of(method: Method, sweep: Sweep, steps: tuple[int, ...]) -> Family:
    """Return the sweep of a method that is not built in, by what kind of rule it is.

    It meets every solver that it supports: nobody else knows which of them suits it.
    """
    if method.traits.uses_every_step:
        return over_steps(method, sweep, steps)._replace(every_solver=True)
    return over_tolerances(method, sweep)._replace(every_solver=True)


def over_tolerances(method: Method, sweep: Sweep) -> Family:
    """Sweep the solver's tolerance, with that of the adjoint equation tied to it."""
    points = tuple((_tied(method, tolerance), None, tolerance) for tolerance in sweep.tolerances)
    return Family(family_name(method), points)


def over_steps(method: Method, sweep: Sweep, steps: tuple[int, ...]) -> Family:
    """Sweep the number of steps."""
    return Family(family_name(method), tuple((method, count, sweep.tight) for count in steps))


def _of(name: str, methods: list[Method], sweep: Sweep) -> Family:
    return Family(name, tuple((method, None, sweep.tight) for method in methods))


def family_name(method: Method) -> str:
    """Return the method's own name, without empty brackets."""
    return repr(method).replace("()", "")


def shares_program(contestant: Contestant) -> bool:
    """Tell whether the tolerance enters the contestant's programs as an argument: one serves the sweep."""
    return bool(contestant.sweep) and isinstance(contestant.method, AdjointMethod)


def at_tolerance(contestant: Contestant, tolerance: Any) -> Contestant:
    """Return the contestant with another tolerance of its solver and of the adjoint equation's.

    Args:
        contestant: any.
        tolerance: a number, or inside `jit` an array.
    """
    budget = dataclasses.replace(contestant.budget, tolerance=tolerance)
    return dataclasses.replace(contestant, budget=budget, method=_tied(contestant.method, tolerance))


def without_tolerance(contestant: Contestant) -> Contestant:
    """Return what the contestants of a sweep have in common that share a program."""
    return at_tolerance(contestant, Budget().tolerance)


def _tied(method: Any, tolerance: Any) -> Any:
    """Give the method's linear solvers the tolerance, where they have one, or its own adjoint's."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    tied: dict[str, Any] = {}
    for field in dataclasses.fields(method):
        held: Any = getattr(method, field.name)
        if dataclasses.is_dataclass(held) and isinstance(held, LinearSolver) and hasattr(held, "tolerance"):
            linear: Any = held
            tied[field.name] = dataclasses.replace(linear, tolerance=tolerance)
        elif field.name == "adjoint_tolerance":
            tied[field.name] = tolerance
    return dataclasses.replace(method, **tied) if tied else method
