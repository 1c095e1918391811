"""Errors of solution and hypergradient at every tolerance of the lower-level solver."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from ....hypergrad import (
    Unrolled,
    certified_solution,
    disagreement,
    hypergradient,
    random_directions,
    reference,
)
from ....problems import LowerLevel
from ....solvers import Budget, Solution, solve
from ....solvers.analysis_l1_problem import DualSolver
from ....solvers.certificate import active_rows
from ...machine.threads import fix_blas_threads
from ...records.status import Status
from ..reproduction import Row
from .problem import (
    MOST_STEPS,
    QUICK_MOST_STEPS,
    QUICK_TOLERANCES,
    TOLERANCES,
    Case,
    Problem,
    make_problem,
)

UNROLLED = "unrolled"
SEGMENT = 100


class Truth(NamedTuple):
    """What errors are measured against, as numpy arrays; `active` is None for smooth energies."""

    x: Any
    gradient: Any
    error: float
    active: Any


def measure_case(case: Case, quick: bool) -> list[Row]:
    """Return two rows a tolerance: the adjoint rule, and as many unrolled steps as the solver took."""
    fix_blas_threads()
    problem = make_problem(case)
    setting: Row = {"case": case.name, "solver": repr(case.solver), "quick": quick}
    truth = exact(problem)
    if truth is None:
        reason = "the reference is not trusted, or the solution is not smooth here"
        return [setting | {"method": case.label, "status": Status.FAILED.value, "reason": reason}]
    setting["reference_error"] = truth.error
    rows: list[Row] = []
    unrolled: dict[int, Row] = {}
    look_back = jax.jit(lambda problem, solution: _backward(case, problem, solution))
    for tolerance in QUICK_TOLERANCES if quick else TOLERANCES:
        budget = Budget(QUICK_MOST_STEPS if quick else MOST_STEPS, tolerance, check_every=1)
        solution = jax.jit(solve, static_argnums=(0, 1))(case.solver, budget, problem.lower)
        steps = int(solution.steps)
        row = setting | {"tolerance": tolerance, "steps": steps} | _solution(case, problem, solution, truth)
        gradient = look_back(problem, solution)
        rows.append(
            row | {"method": case.label, "gradient_error": _relative(_flat(gradient), truth.gradient)}
        )
        if steps not in unrolled:
            gradient = jax.jit(_unrolled, static_argnums=(0, 1))(case, steps, problem)
            unrolled[steps] = {"gradient_error": _relative(_flat(gradient), truth.gradient)}
        rows.append(row | {"method": UNROLLED} | unrolled[steps])
    return rows


def exact(problem: Problem) -> Truth | None:
    """Return the reference; None where it cannot be trusted."""
    lower = problem.lower
    directions = random_directions(lower, 3, 0, ("regularizer",))

    def compute(problem: Problem) -> Any:
        found = reference(problem.lower, lambda x: loss(x, problem.truth), directions)
        smooth = not hasattr(problem.lower.regularizer, "W") or hasattr(problem.lower.regularizer, "gradient")
        return found, None if smooth else certified_solution(problem.lower).point.active

    found, active = jax.jit(compute)(problem)
    if not bool(found.trusted) or bool(found.nonsmooth):
        return None
    bound = float(disagreement(found.gradient, directions, found.differences.central))
    return Truth(
        np.asarray(found.x), _flat(found.gradient), bound, None if active is None else np.asarray(active)
    )


def loss(x: Array, truth: Array) -> Array:
    """Return the mean squared error."""
    return jnp.mean(jnp.square(x - truth))


def _backward(case: Case, problem: Problem, solution: Solution) -> LowerLevel:
    cotangent = jax.grad(loss)(solution.x, problem.truth)
    return case.method.backward(case.solver, Budget(), problem.lower, solution, cotangent)[0]


def _unrolled(case: Case, steps: int, problem: Problem) -> LowerLevel:
    method = Unrolled(checkpoint_every=SEGMENT)
    budget = Budget(max_steps=steps, tolerance=0.0)
    return hypergradient(
        method, case.solver, budget, problem.lower, lambda x: loss(x, problem.truth)
    ).gradient


def _solution(case: Case, problem: Problem, solution: Solution, truth: Truth) -> Row:
    status = Status.of(solution.status)
    row: Row = {
        "residual": float(solution.residual),
        "x_error": _relative(np.asarray(solution.x), truth.x),
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "wrong_rows": None,
        "ambiguous": None,
        "rows_of_W": None,
    }
    if truth.active is None or not isinstance(case.solver, DualSolver):
        return row
    u = case.solver.dual(problem.lower, solution.state)
    active = np.asarray(active_rows(problem.lower, solution.x, u))
    assert solution.certificate is not None
    return row | {
        "wrong_rows": int(np.sum(active != truth.active)),
        "ambiguous": int(solution.certificate.ambiguous),
        "rows_of_W": int(truth.active.size),
    }


def _flat(gradient: LowerLevel) -> np.ndarray:
    """Return all parameters of the regulariser as one vector."""
    return np.asarray(ravel_pytree(gradient.regularizer)[0])


def _relative(found: np.ndarray, exact: np.ndarray) -> float | None:
    error = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    return error if np.isfinite(error) else None
