"""The error of one gradient by each method, at equal work."""

from dataclasses import replace
from pathlib import Path

from ....hypergrad import Implicit, Restarted
from ....hypergrad.method import Method
from ....solvers import Budget, Richardson
from ...machine.threads import fix_blas_threads
from .contestants import EXACT, ONE_STEP, RESTARTS, recipes
from .judge import Judge
from .problem import SEEDS, WAVELETS, draw_pairs, image_shape
from .rows import WORK, WorkRow

WORKS, QUICK_WORKS = (20, 40, 80, 160), (20,)


def measure_equal_work(task: str, folder: Path | None, quick: bool) -> list[WorkRow]:
    """Compare gradients of the wavelet norm's weights, where training starts, of one batch for each seed."""
    fix_blas_threads()
    size = WAVELETS.size(quick)
    shape = image_shape(WAVELETS, size.side, folder)
    regularizer = WAVELETS.start(shape, size.network)
    usual = next(iter(recipes(WAVELETS, regularizer, size).values()))
    ways = {
        (name, work): replace(usual, method=method, budget=budget)
        for work in (QUICK_WORKS if quick else WORKS)
        for name, (method, budget) in _ways(work).items()
    }
    judge = Judge(WAVELETS, {f"{name} {work}": recipe for (name, work), recipe in ways.items()})
    rows: list[WorkRow] = []
    for seed in SEEDS[:1] if quick else SEEDS:
        pairs = draw_pairs(shape, task, size, seed, folder).training.first(size.batch)
        for name, work in ways:
            found = judge.gradient_error(f"{name} {work}", regularizer, pairs)
            row: WorkRow = {
                "what": WORK,
                "task": task,
                "seed": seed,
                "quick": quick,
                "status": found.status.value,
                "reason": found.reason,
                "method": name,
                "work": work,
                "gradient_error": found.error,
            }
            rows.append(row)
    return rows


def _ways(work: int) -> dict[str, tuple[Method, Budget]]:
    """Share out so many steps and products with their transposed Jacobians.

    Restarts are three blocks of a quarter of the work, of which the last is differentiated at the price of
    another; one step differentiates the last alone; the exact gradient solves for one half, and its adjoint
    equation, by fixed-point iteration, for the other.
    """
    layers, half = work // 4, work // 2
    return {
        RESTARTS: (Restarted(layers), Budget(3 * layers, 0.0)),
        ONE_STEP: (Restarted(1), Budget(work - 1, 0.0)),
        EXACT: (Implicit(Richardson(half, 0.0), on="fixed-point"), Budget(half, 0.0)),
    }
