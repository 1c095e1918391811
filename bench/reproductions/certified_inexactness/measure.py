"""True errors of inexact hypergradients and their bounds."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import ErrorBound, Implicit, disagreement, error_bound, hypergradient, random_directions
from ....hypergrad.adjoint_equation import of_optimality
from ....hypergrad.references.reference import Reference, reference
from ....problems import Denoising, FieldsOfExperts, LogCosh, LowerLevel, Photographs, PseudoHuber, measure
from ....solvers import Budget, Cg, Nesterov, Outcome
from ....solvers.continued import continue_solve, not_begun
from ....solvers.linear.linear_solver import LinearSolution
from ....solvers.solve import Ended
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...records.status import Status
from ..reproduction import Row

POWERS, ADJOINT_POWERS, ACCURACY_POWERS = range(1, 11), (1, 2, 4, 6, 8, 10), range(1, 7)
QUICK_POWERS = (1, 4)
SIZES, SEEDS = (16, 32, 64), (0, 1, 2)
QUICK_SIZE = 8
SOLVER = Nesterov()
BUDGET = Budget(max_steps=5000, tolerance=0.1, check_every=1)
TOLERANCES, ACCURACIES = "tolerances", "accuracy"


class Case(NamedTuple):
    """Denoising of one photograph's crop with one potential."""

    potential: PseudoHuber | LogCosh
    size: int
    seed: int

    @property
    def name(self) -> str:
        """Name potential, size and seed."""
        return f"{type(self.potential).__name__}, {self.size} x {self.size}, seed {self.seed}"


class Problem(NamedTuple):
    """A lower level and its ground truth."""

    lower: LowerLevel
    truth: Float[Array, "h w"]


class Judged(NamedTuple):
    """A hypergradient with its bound."""

    gradient: FieldsOfExperts
    bound: ErrorBound


def all_cases(quick: bool) -> list[Case]:
    """Return the cases in the order in which they are measured."""
    if quick:
        return [Case(PseudoHuber(), QUICK_SIZE, 0)]
    return [Case(p, size, seed) for p in (PseudoHuber(), LogCosh()) for size in SIZES for seed in SEEDS]


def make_problem(case: Case) -> Problem:
    """Draw the problem, with the filters and weights that benchmarks start from."""
    shape = (case.size, case.size)
    truths = Photographs().sample(shape, 1, case.seed)
    A, y = measure(Denoising(), truths, case.seed)
    regularizer = FieldsOfExperts.initial(shape, case.seed)
    regularizer = dataclasses.replace(regularizer, potential=case.potential)
    return Problem(LowerLevel(A, y[0], regularizer), jnp.asarray(truths[0]))


def measure_case(case: Case, quick: bool) -> list[Row]:
    """Return a row for each pair of tolerances, and one for each accuracy."""
    fix_blas_threads()
    problem = make_problem(case)
    setting: Row = {"case": case.name, "size": f"{case.size} x {case.size}", "quick": quick}
    directions = random_directions(problem.lower, 3, case.seed, ("regularizer",))
    found = _reference(problem, directions)
    error = float(disagreement(found.gradient, directions, found.differences.central))
    if not bool(found.trusted):
        reason = "the reference is not trusted"
        return [setting | {"kind": TOLERANCES, "status": Status.FAILED.value, "reason": reason}]
    setting |= {"reference_error": error, "status": Status.OK.value, "reason": ""}
    truth = flatten(found.gradient.regularizer)
    rows = [
        setting | {"kind": TOLERANCES} | row
        for row in _at_tolerances(problem, truth, QUICK_POWERS if quick else POWERS, quick)
    ]
    for power in QUICK_POWERS[:1] if quick else ACCURACY_POWERS:
        accuracy = float(f"1e-{power}")
        rows.append(setting | {"kind": ACCURACIES} | _at_accuracy(problem, truth, accuracy))
    return rows


def _at_tolerances(problem: Problem, truth: np.ndarray, powers: Any, quick: bool) -> list[Row]:
    """Tighten the lower level by decades, and at each the adjoint from nothing."""
    rows: list[Row] = []
    ended = _begin(problem.lower)
    for power in powers:
        ended = _continue(problem.lower, ended, jnp.asarray(float(f"1e-{power}")))
        x = SOLVER.iterate(problem.lower, ended.state)
        v, steps, residual = jnp.zeros_like(x), 0, 1.0
        for adjoint_power in QUICK_POWERS if quick else ADJOINT_POWERS:
            # A correction by a decade each, so that one program serves all tolerances.
            while residual > float(f"1e-{adjoint_power}"):
                correction, left = _correct(problem, x, v)
                v, steps, residual = v + correction.value, steps + int(correction.steps), float(left)
            row: Row = {
                "tolerance": float(f"1e-{power}"),
                "adjoint_tolerance": float(f"1e-{adjoint_power}"),
                "steps": int(ended.steps),
                "residual": float(ended.residual),
                "adjoint_steps": steps,
                "adjoint_residual": residual,
            }
            rows.append(row | _compare(_judge(problem, x, v), truth))
    return rows


def _at_accuracy(problem: Problem, truth: np.ndarray, accuracy: float) -> Row:
    method = Implicit(accuracy=accuracy, outer_lipschitz=2 / problem.truth.size)
    found = _to_accuracy(method, problem)
    scale = float(np.linalg.norm(truth))
    gradient = flatten(found.gradient.regularizer)
    return {
        "accuracy": accuracy,
        "steps": int(found.solution.steps),
        "residual": float(found.solution.residual),
        "adjoint_steps": int(found.backward.steps),
        "adjoint_residual": float(found.backward.residual),
        "reached": int(found.solution.status) == Outcome.CONVERGED,
        "error": float(np.linalg.norm(gradient - truth)) / scale,
        "bound": float(found.backward.error_bound) / scale,
    }


def _compare(judged: Judged, truth: np.ndarray) -> Row:
    """Return error and bound over the true norm."""
    scale = float(np.linalg.norm(truth))
    parts = {name: float(getattr(judged.bound, name)) / scale for name in ("lower_level", "adjoint", "outer")}
    error = float(np.linalg.norm(flatten(judged.gradient) - truth)) / scale
    return {"error": error, "bound": sum(parts.values()), **parts}


def _loss(truth: Array) -> Callable[[Array], Array]:
    return lambda x: jnp.mean(jnp.square(x - truth))


@jax.jit
def _reference(problem: Problem, directions: LowerLevel) -> Reference:
    return reference(problem.lower, _loss(problem.truth), directions)


@jax.jit
def _begin(lower: LowerLevel) -> Ended:
    return not_begun(SOLVER, lower)


@jax.jit
def _continue(lower: LowerLevel, ended: Ended, tolerance: Array) -> Ended:
    return continue_solve(SOLVER, BUDGET, lower, ended, tolerance)


@jax.jit
def _correct(problem: Problem, x: Array, v: Array) -> tuple[LinearSolution, Array]:
    equation = of_optimality(problem.lower, x, jax.grad(_loss(problem.truth))(x))
    found = Cg(tolerance=0.1).solve_linear(equation.matvec, equation.rhs - equation.matvec(v))
    left = equation.rhs - equation.matvec(v + found.value)
    return found, jnp.linalg.norm(left) / jnp.linalg.norm(equation.rhs)


@jax.jit
def _judge(problem: Problem, x: Array, v: Array) -> Judged:
    g = jax.grad(_loss(problem.truth))(x)
    gradient: Any = of_optimality(problem.lower, x, g).pull(v).regularizer
    return Judged(gradient, error_bound(problem.lower, x, g, v, 2 / x.size))


@functools.partial(jax.jit, static_argnums=0)
def _to_accuracy(method: Implicit, problem: Problem) -> Any:
    return hypergradient(method, SOLVER, BUDGET, problem.lower, _loss(problem.truth))
