"""Rows of recorded reproductions as points of cost models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records.journal import Journal
from ..records.reproduced_case import ReproducedCase
from . import analysis_costs, network_costs
from .figure_fit import CostPoint
from .filter_problem import FilterProblem
from .network_costs import NetworkProblem, drunet
from .program_cost import CALL, LOOP, ProgramCost
from .smooth_costs import Effort

CONJUGATE_GRADIENTS, FACTORISED = "conjugate gradients on the active rows", "factorised optimality system"
KERNEL_REACH = 4
"""Of a blur with 5 x 5 taps: pixels that it couples are so far apart at most."""
UNROLLED_STEPS, SEGMENT = 300, 17
"""Of `hypergradient-scale`."""


def rows_of(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a recorded reproduction."""
    for entry in Journal(folder / "rows.jsonl", ReproducedCase).read().entries:
        yield from entry.rows


def growing_image_points(folder: Path) -> list[CostPoint]:
    """Return the points of l1 problems on growing images, ADMM's solve alone among them."""
    points, tape = [], analysis_costs.RECORDED_TAPE
    for row in rows_of(folder):
        problem = FilterProblem(pixels=row["pixels"], task=row["task"])
        where = f"{row['task']} {row['side']}x{row['side']}"
        # What would have taken more than a minute was estimated by ten of its steps.
        seconds = row.get("total_seconds") or row.get("estimated_seconds")
        if row["method"] == "closed form":
            by = "conjugate gradients" if row["route"] == CONJUGATE_GRADIENTS else "MINRES"
            effort = Effort(row["steps"], row["adjoint_steps"])
            solve, total = analysis_costs.admm, analysis_costs.closed_form_iterated
            points += [
                _row_point("solve alone, ADMM", where, problem, solve(problem, effort), row["solve_seconds"]),
                _row_point(f"closed form, {by}", where, problem, total(problem, effort), seconds, row),
            ]
        elif row["method"] == "unrolled":
            cost = analysis_costs.unrolled(problem, Effort(UNROLLED_STEPS), tape)
            points.append(_row_point("unrolled", where, problem, cost, seconds, row))
        else:
            cost = analysis_costs.unrolled_checkpoints(problem, Effort(UNROLLED_STEPS, every=SEGMENT), tape)
            points.append(_row_point("unrolled, checkpoints", where, problem, cost, seconds, row))
    return points


def _row_point(
    method: str,
    where: str,
    problem: FilterProblem,
    cost: ProgramCost,
    seconds: float | None,
    row: dict[str, Any] | None = None,
) -> CostPoint:
    held = None if row is None else row["memory_bytes"]
    return CostPoint(method, where, problem.pixels, cost, seconds, held)


def factorised_points(folder: Path) -> list[CostPoint]:
    """Return the memory of the closed form with a factor; its rows do not say how many it computed."""
    points = []
    for row in rows_of(folder):
        if row["route"] != FACTORISED:
            continue
        problem = FilterProblem(pixels=row["pixels"], task=row["task"])
        cost = analysis_costs.closed_form_factorised(
            problem, KERNEL_REACH if row["task"] == "deconvolution" else problem.side - 1
        )
        where = f"{row['task']} {row['side']}x{row['side']}"
        method = f"closed form, factorised, {row['task']}"
        points.append(CostPoint(method, where, problem.pixels, cost, None, row["memory_bytes"]))
    return points


def network_memory_points(folder: Path) -> list[CostPoint]:
    """Return the memory of hypergradients of the published DRUNet, by the iterations instead of pixels."""
    costs = {
        "implicit": network_costs.implicit,
        "one step": network_costs.one_step,
        "unrolled": network_costs.unrolled,
        "unrolled, recursive checkpoints": network_costs.unrolled_recursive,
    }
    problem = NetworkProblem(drunet(), 64 * 64)
    return [
        CostPoint(
            row["method"],
            f"{row['steps']} steps",
            row["steps"],
            costs[row["method"]](problem, Effort(row["steps"])),
            None,
            row["memory_bytes"],
        )
        for row in rows_of(folder)
        if row["case"] == "memory"
    ]


def network_seconds_points(folder: Path) -> list[CostPoint]:
    """Return the two timed programs of the published DRUNet: its solve, and solve with implicit gradient."""
    problem = NetworkProblem(drunet(), 256 * 256)
    points = []
    for row in rows_of(folder):
        if row["case"] != "seconds" or not row["seconds"]:
            continue
        alone = row["what"] == "solve"
        cost = network_costs.solve if alone else network_costs.implicit
        counted = cost(problem, Effort(row["steps"], row["adjoint_steps"] or 0.0))
        method = "solve alone, network" if alone else "implicit, network"
        points.append(
            CostPoint(method, "256x256", int(not alone), counted, row["seconds"], row["memory_bytes"])
        )
    return points


def filtering_points(folder: Path) -> list[CostPoint]:
    """Return loops of four descents over a bank of filters, by the operations of one."""
    points = []
    for number, row in enumerate(rows_of(folder)):
        problem = FilterProblem(row["h"] ** 2, row["b"], row["k"], row["s"], 4)
        one = problem.work(filtered=2, per_response=4, per_pixel=2, images=4, responses=4)
        cost = ProgramCost(CALL + 4 * (LOOP + one), problem.held(2))
        points.append(CostPoint("filters and adjoint", row["case"], number, cost, row["loop_seconds"], None))
    return points


def ridge_points(folder: Path) -> list[CostPoint]:
    """Return the convex ridge regulariser's hypergradient by L-BFGS and conjugate gradients, float32.

    Its operator is a chain of three convolutions from 1 to 4, 8 and 64 channels, 5 x 5 each, on 8 crops of
    64 x 64: as many multiplications a pixel as a bank of 548 filters.
    """
    problem = FilterProblem(64 * 64, 8, 1 * 4 + 4 * 8 + 8 * 64, 5, 4)
    points = []
    for row in rows_of(folder):
        if row["contestant"] == "L-BFGS, CG to 1e-3":
            one = problem.work(filtered=2) + problem.work(images=2, responses=4 * 64 / 548)
            products = row["steps"] + row["adjoint_steps"] + 3
            pull = 2
            cost = ProgramCost(CALL + (products + 2 * pull) * (LOOP + one), 0.0)
            points.append(CostPoint(row["contestant"], row["case"], 10, cost, row["seconds"], None))
    return points
