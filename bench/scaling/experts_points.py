"""Recorded runs as points of cost models: what a record measured beside what a model counts of it."""

import math
from pathlib import Path

from ..records.journal import Journal
from ..records.record import Record
from ..records.status import Status
from . import dense_costs, smooth_costs
from .dense_costs import DenseProblem
from .figure_fit import CostPoint
from .filter_problem import FilterProblem
from .program_cost import ProgramCost
from .smooth_costs import Effort, SmoothCost
from .written_call import WrittenCall, written_call

ITEMSIZES = {"float64": 8, "float32": 4}
PHANTOM_STEPS = 5
LINEAR: dict[str, tuple[str, SmoothCost]] = {
    "Cg": ("implicit, conjugate gradients", smooth_costs.implicit_cg),
    "Minres": ("implicit, MINRES", smooth_costs.implicit_minres),
    "Neumann": ("implicit, Neumann series", smooth_costs.implicit_neumann),
    "Gmres": ("implicit, GMRES on the fixed point", smooth_costs.implicit_gmres),
    "Dense": ("implicit, dense", smooth_costs.implicit_dense),
}
PLAIN: dict[str, tuple[str, SmoothCost]] = {
    "OneStep": ("one step", smooth_costs.one_step),
    "Phantom": ("phantom", smooth_costs.phantom),
    "Shine": ("SHINE", smooth_costs.shine),
    "ForwardMode": ("forward mode", smooth_costs.forward_mode),
    "FiniteDifference": ("finite differences", smooth_costs.finite_difference),
    "Spsa": ("SPSA", smooth_costs.spsa),
}


def experts_points(folder: Path, dtype: str = "float64") -> list[CostPoint]:
    """Return the points of a run's records of fields of experts, and one for each solve alone."""
    points: list[CostPoint] = []
    solves: set[tuple[str, float]] = set()
    for record in Journal(folder / "records.jsonl", Record).read().entries:
        if record.regularizer != "fields-of-experts" or record.dtype != dtype or not record.steps_max:
            continue
        problem = filter_problem(record)
        solver = written_call(record.solver).name
        if record.solve_seconds and (solver, record.solve_seconds) not in solves:
            solves.add((solver, record.solve_seconds))
            points.append(_solve_point(record, problem, solver))
        found = smooth_row(record)
        if found is not None:
            method, cost, effort = found
            points.append(_point(record, method, cost(problem, effort)))
    return points


def filter_problem(record: Record) -> FilterProblem:
    """Return the size of a record's problem: eight filters of 3 x 3, with which all suites start."""
    height, width = map(int, record.size.split("x"))
    return FilterProblem(
        pixels=height * width, batch=record.batch, itemsize=ITEMSIZES[record.dtype], task=record.task
    )


def smooth_row(record: Record) -> tuple[str, SmoothCost, Effort] | None:
    """Return the row that a record counts for, its model, its effort; None for other libraries' methods."""
    call, solver = written_call(record.method), written_call(record.solver).name
    effort = Effort(record.steps_max or 0.0, record.adjoint_steps or 0.0)
    if call.name == "Implicit":
        return *_implicit(call, solver), effort
    if call.name in ("Unrolled", "Restarted"):
        return _unrolled(call, effort)
    if call.name not in PLAIN:
        return None
    if call.name == "Phantom":
        effort = Effort(effort.steps, call.settings.get("steps", PHANTOM_STEPS))
    return *PLAIN[call.name], effort


def _implicit(call: WrittenCall, solver: str) -> tuple[str, SmoothCost]:
    linear = call.settings.get("linear", WrittenCall("Cg", {}))
    name, cost = LINEAR[linear.name]
    if "preconditioner" in call.settings:
        return f"{name}, circulant preconditioner", smooth_costs.implicit_circulant
    return (f"{name}, L-BFGS", smooth_costs.implicit_lbfgs) if solver == "Lbfgs" else (name, cost)


def _unrolled(call: WrittenCall, effort: Effort) -> tuple[str, SmoothCost, Effort]:
    every = call.settings.get("checkpoint_every")
    last = call.settings.get("last") or call.settings.get("layers")
    if every == "recursive":
        return "unrolled, recursive checkpoints", smooth_costs.unrolled_recursive, effort
    if every is not None:
        return "unrolled, checkpoints", smooth_costs.unrolled_checkpoints, Effort(effort.steps, every=every)
    if last is not None:
        return "unrolled, last steps", smooth_costs.unrolled, Effort(effort.steps, taped=last)
    return "unrolled", smooth_costs.unrolled, effort


def _solve_point(record: Record, problem: FilterProblem, solver: str) -> CostPoint:
    solve = {"Nesterov": smooth_costs.nesterov, "Lbfgs": smooth_costs.lbfgs}[solver]
    cost = ProgramCost(solve(problem, record.steps_max or 0.0), problem.held(12, 2))
    names = {"Nesterov": "solve alone, Nesterov", "Lbfgs": "solve alone, L-BFGS"}
    return CostPoint(names[solver], _where(record), problem.pixels, cost, record.solve_seconds, None)


def _point(record: Record, method: str, cost: ProgramCost) -> CostPoint:
    seconds = None if record.status is Status.TIMED_OUT else record.total_seconds
    size = math.prod(map(int, record.size.split("x")))
    return CostPoint(method, _where(record), size, cost, seconds, record.memory_bytes)


def _where(record: Record) -> str:
    return f"{record.task} {record.size}, batch {record.batch}"


def dense_points(folder: Path) -> list[CostPoint]:
    """Return the points of a run's records of l1 denoising of signals by dual FISTA, float64."""
    points: list[CostPoint] = []
    for record in Journal(folder / "records.jsonl", Record).read().entries:
        asked = record.regularizer, record.task, record.dtype, record.solver
        if asked != ("analysis-l1", "denoising", "float64", "DualFista()") or "x" in record.size:
            continue
        found = _dense_row(record)
        if found is not None and record.steps_max:
            points.append(_point(record, *found))
    return points


def dense_problem(record: Record) -> DenseProblem:
    """Return the size of a record's problem: perturbed differences, one row fewer than numbers."""
    n = int(record.size)
    return DenseProblem(n, n - 1, record.batch, ITEMSIZES[record.dtype])


def _dense_row(record: Record) -> tuple[str, ProgramCost] | None:
    call, problem, tape = written_call(record.method), dense_problem(record), dense_costs.RECORDED_TAPE
    every = call.settings.get("checkpoint_every")
    effort = Effort(record.steps_max or 0.0, record.adjoint_steps or 0.0, every=every)
    if call == WrittenCall("ClosedForm", {}):
        return "closed form (BLORC)", dense_costs.closed_form(problem, effort)
    if call.name == "OneStep":
        return "one step", dense_costs.one_step(problem, effort, tape)
    if call.name == "Unrolled" and every is None:
        return "unrolled", dense_costs.unrolled(problem, effort, tape)
    if call.name == "Unrolled":
        return "unrolled, checkpoints", dense_costs.unrolled_checkpoints(problem, effort, tape)
    return None
