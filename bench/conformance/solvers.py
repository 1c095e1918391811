"""Conformance of solvers."""

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...problems.lower_level import LowerLevel
from ...solvers.budget import Budget
from ...solvers.solve import run_steps, solve
from ...solvers.solver import Solution, Solver
from .compiled import Compiled
from .finding import Finding, bounded, distance, is_reason, layout
from .small_problem import SmallProblem, in_single
from .units import other_units

BUDGET = Budget(max_steps=20_000, tolerance=1e-8, check_every=50)
SAME_SOLUTION = 1e-6
FIXED = 1e-7
BLIND = 1e-3
"""A residual below so many times the relative distance to the solution does not see it."""
STEPS = 3
ROUNDING = 1e-9


class _Run(NamedTuple):
    """A solve, the iterate and residual of its start, and the iterate one step after its end."""

    solution: Solution
    start: Array
    start_residual: Array
    moved: Array


def check_support(subject: str, solver: Solver, problem: SmallProblem) -> Iterator[Finding]:
    """Check that a solver says whether it can solve a problem, in words where it cannot."""
    reason = solver.supports(problem.lowers[0])
    yield Finding(subject, "supports", is_reason(reason), f"it returns {reason!r}; None or a sentence is due")


def check_solver(subject: str, solver: Solver, problem: SmallProblem) -> Iterator[Finding]:
    """Check a solver on a problem that it supports: its end, its residual, its state, its traces."""
    lower, other = problem.lowers
    for one in (lower, in_single(lower)):
        if solver.supports(one) is not None:
            continue
        yield from _check_state(subject, solver, one)
    yield from _check_reverse_mode(subject, solver, lower)
    program = Compiled(_run)
    run = program((solver, BUDGET), lower)
    yield from _check_end(subject, run, problem)
    for units in other_units(lower):
        moved = program((solver, BUDGET), units.lower(lower)).solution
        same = int(moved.status) == int(run.solution.status)
        detail = f"{int(moved.status)} instead of {int(run.solution.status)}"
        yield Finding(subject, f"same status, {units.name}", same, detail)
        away = distance(moved.x / units.x, run.solution.x)
        yield bounded(subject, f"same solution, {units.name}", away, SAME_SOLUTION)
    program((copy.deepcopy(solver), copy.deepcopy(BUDGET)), other)
    yield Finding(
        subject,
        "one trace",
        program.traces == 1,
        f"equal settings with new data made {program.traces} traces; 1 is expected",
    )


def check_transformations(subject: str, solver: Solver, problem: SmallProblem) -> Iterator[Finding]:
    """Check that compiling and batching change nothing, over a few steps."""
    program = Compiled(_few_steps)
    ends = [program((solver,), lower) for lower in problem.lowers]
    eager = solver.init(problem.lowers[0])
    for _ in range(STEPS):
        eager = solver.step(problem.lowers[0], eager)
    x = solver.iterate(problem.lowers[0], eager)
    yield bounded(subject, "jit changes nothing", distance(x, ends[0]), ROUNDING)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *problem.lowers)
    batch = Compiled(_few_steps_batched)((solver,), stacked)
    yield bounded(subject, "vmap equals a loop", distance(batch, jnp.stack(ends)), ROUNDING)


def _check_state(subject: str, solver: Solver, lower: LowerLevel) -> Iterator[Finding]:
    """Trace without computing: what `init` makes `step` keeps, in the precision of the lower level."""
    dtype = lower.y.dtype.name
    first = jax.eval_shape(solver.init, lower)
    then = jax.eval_shape(solver.step, lower, first)
    same = layout(then) == layout(first)
    yield Finding(
        subject,
        f"step keeps the state's layout, {dtype}",
        same,
        _layouts(first, then) if not same else "kept",
    )
    x = jax.eval_shape(solver.iterate, lower, first)
    yield Finding(
        subject,
        f"iterate's layout, {dtype}",
        x.shape == lower.shape and x.dtype == lower.y.dtype,
        f"it is {x.dtype.name}{list(x.shape)}; {dtype}{list(lower.shape)} is expected",
    )
    residual = jax.eval_shape(solver.residual, lower, first)
    floats = [leaf.dtype for leaf in jax.tree.leaves(then) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    dtypes = {one.name for one in (*floats, residual.dtype)}
    yield Finding(
        subject, f"keeps {dtype}", dtypes == {dtype}, f"state and residual hold {', '.join(sorted(dtypes))}"
    )


def _check_reverse_mode(subject: str, solver: Solver, lower: LowerLevel) -> Iterator[Finding]:
    if not solver.traits.differentiable_step:
        return
    try:
        jax.eval_shape(jax.grad(partial(_sum_of_steps, solver)), lower)
        passed, detail = True, "it does"
    except (ValueError, TypeError) as error:
        passed, detail = False, f"say `SolverTraits(differentiable_step=False)` if it cannot: {error}"
    yield Finding(subject, "reverse mode crosses the step", passed, detail)


def _check_end(subject: str, run: _Run, problem: SmallProblem) -> Iterator[Finding]:
    solution = run.solution
    figure, steps = float(solution.residual), int(solution.steps)
    yield Finding(
        subject,
        "converges",
        bool(figure <= BUDGET.tolerance),
        f"its residual is {figure:.1e} after {steps} steps; at most {BUDGET.tolerance:.0e} within "
        f"{BUDGET.max_steps} is expected",
    )
    yield bounded(subject, "solution is a fixed point", distance(run.moved, solution.x), FIXED)
    if problem.reference is None:
        return
    truth = problem.reference.x
    yield bounded(subject, "right solution", distance(solution.x, truth), SAME_SOLUTION)
    away, residual = distance(run.start, truth), float(run.start_residual)
    yield Finding(
        subject,
        "residual sees the distance",
        residual >= BLIND * away,
        f"at the start, {away:.1e} off, it is {residual:.1e}; at least {BLIND * away:.0e} is expected",
    )


def _layouts(first: Any, then: Any) -> str:
    return f"before: {jax.tree.leaves(first)}; after: {jax.tree.leaves(then)}"


def _run(solver: Solver, budget: Budget, lower: LowerLevel) -> _Run:
    first = solver.init(lower)
    solution = solve(solver, budget, lower)
    moved = solver.iterate(lower, solver.step(lower, solution.state))
    return _Run(solution, solver.iterate(lower, first), solver.residual(lower, first), moved)


def _few_steps(solver: Solver, lower: LowerLevel) -> Array:
    return solver.iterate(lower, run_steps(solver, lower, solver.init(lower), STEPS))


def _few_steps_batched(solver: Solver, lowers: LowerLevel) -> Array:
    return jax.vmap(partial(_few_steps, solver))(lowers)


def _sum_of_steps(solver: Solver, lower: LowerLevel) -> Array:
    return jnp.sum(_few_steps(solver, lower))
