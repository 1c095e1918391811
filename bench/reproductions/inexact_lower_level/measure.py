"""Errors of solution and hypergradient at every tolerance of the lower-level solver."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ....hypergrad import (
    Reference,
    Unrolled,
    certified_solution,
    disagreement,
    hypergradient,
    random_directions,
    reference,
)
from ....hypergrad.solved import Solved
from ....problems import AnalysisL1, LowerLevel
from ....solvers import Budget, Solution, solve
from ....solvers.analysis_l1_problem import DualSolver
from ....solvers.certificate import active_rows
from ...machine.threads import fix_blas_threads
from ...measure.outcome_status import status_of
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite, relative_error
from ..training_pair import TrainingPair
from .problem import MOST_STEPS, QUICK_MOST_STEPS, QUICK_TOLERANCES, TOLERANCES, InexactCase
from .rows import InexactRow, NotMeasuredRow, SolveRow

UNROLLED = "unrolled"
SEGMENT = 100


class ExactSolution(NamedTuple):
    """What errors are measured against.

    Attributes:
        x: the solution.
        gradient: the hypergradient there, by all of the regulariser's parameters.
        error: of that hypergradient, relative, as central differences bound it.
        active: the active rows of W; None for smooth energies.
    """

    x: Float[np.ndarray, "..."]
    gradient: Float[np.ndarray, " parameters"]
    error: float
    active: Bool[np.ndarray, "..."] | None


def measure_case(case: InexactCase, quick: bool) -> Sequence[InexactRow] | Sequence[NotMeasuredRow]:
    """Return two rows per tolerance: the adjoint rule, and as many unrolled steps as the solver took."""
    fix_blas_threads()
    pair = case.pair()
    truth = exact(pair)
    if truth is None:
        return [_not_measured(case, quick)]
    rows: list[InexactRow] = []
    unrolled: dict[int, float | None] = {}
    look_back = untimed(lambda pair, solution: _backward(case, pair, solution))
    for tolerance in QUICK_TOLERANCES if quick else TOLERANCES:
        budget = Budget(QUICK_MOST_STEPS if quick else MOST_STEPS, tolerance, check_every=1)
        solution = untimed(solve, static=(0, 1))(case.solver, budget, pair.lower)
        steps = int(solution.steps)
        row: InexactRow = {
            "case": case.name,
            "solver": repr(case.solver),
            "quick": quick,
            "reference_error": truth.error,
            "tolerance": tolerance,
            "steps": steps,
            **_solved(case, pair, solution, truth),
            "method": case.rule,
            "gradient_error": finite(relative_error(_flat(look_back(pair, solution)), truth.gradient)),
        }
        if steps not in unrolled:
            gradient = untimed(_unrolled, static=(0, 1))(case, steps, pair)
            unrolled[steps] = finite(relative_error(_flat(gradient), truth.gradient))
        rows += [row, {**row, "method": UNROLLED, "gradient_error": unrolled[steps]}]
    return rows


def exact(pair: TrainingPair) -> ExactSolution | None:
    """Return the reference; None where it cannot be trusted."""
    directions = random_directions(pair.lower, 3, 0, ("regularizer",))
    l1 = isinstance(pair.lower.regularizer, AnalysisL1)

    def compute(pair: TrainingPair) -> tuple[Reference, Array | None]:
        found = reference(pair.lower, pair.loss, directions)
        return found, certified_solution(pair.lower).point.active if l1 else None

    found, active = untimed(compute)(pair)
    if not bool(found.trusted) or bool(found.nonsmooth):
        return None
    error = float(disagreement(found.gradient, directions, found.differences.central))
    held = None if active is None else np.asarray(active)
    return ExactSolution(np.asarray(found.x), _flat(found.gradient), error, held)


def _not_measured(case: InexactCase, quick: bool) -> NotMeasuredRow:
    return {
        "case": case.name,
        "solver": repr(case.solver),
        "quick": quick,
        "method": case.rule,
        "status": Status.FAILED.value,
        "reason": "the reference is not trusted, or the solution is not smooth here",
    }


def _backward(case: InexactCase, pair: TrainingPair, solution: Solution) -> LowerLevel:
    cotangent = jax.grad(pair.loss)(solution.x)
    return case.method.backward(Solved(case.solver, Budget(), pair.lower, solution), cotangent)[0]


def _unrolled(case: InexactCase, steps: int, pair: TrainingPair) -> LowerLevel:
    method, budget = Unrolled(checkpoint_every=SEGMENT), Budget(max_steps=steps, tolerance=0.0)
    return hypergradient(method, case.solver, budget, pair.lower, pair.loss).gradient


def _solved(case: InexactCase, pair: TrainingPair, solution: Solution, truth: ExactSolution) -> SolveRow:
    status = status_of(solution.status)
    solved: SolveRow = {
        "residual": float(solution.residual),
        "x_error": finite(relative_error(np.asarray(solution.x), truth.x)),
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "wrong_rows": None,
        "ambiguous": None,
        "rows_of_W": None,
    }
    if truth.active is None or not isinstance(case.solver, DualSolver):
        return solved
    u = case.solver.dual(pair.lower, solution.state)
    active = np.asarray(active_rows(pair.lower, solution.x, u))
    assert solution.certificate is not None
    return {
        **solved,
        "wrong_rows": int(np.sum(active != truth.active)),
        "ambiguous": int(solution.certificate.ambiguous),
        "rows_of_W": int(truth.active.size),
    }


def _flat(gradient: LowerLevel) -> Float[np.ndarray, " parameters"]:
    """Return all parameters of the regulariser as one vector."""
    return np.asarray(ravel_pytree(gradient.regularizer)[0])
