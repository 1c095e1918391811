"""One learned model on one task: the implicit rule against differences, cheaper rules against it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...hypergrad import (
    Hypergradient,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    central_differences,
    hypergradient,
    random_directions,
)
from ...hypergrad.method import Method
from ...problems import LowerLevel, Photographs, measure
from ...solvers import Anderson, Budget, Dense, Outcome, Picard, Solver, solve
from ...solvers.fixed_point_map import map_move, map_step_size
from ..accuracy import flatten
from ..catalogue import built_in
from ..reproduction import Row
from ..status import Status
from ..threads import fix_blas_threads

SHAPE, SEED, DIRECTIONS = (12, 12), 0, 3
SOLVER, BUDGET = Anderson(), Budget(5000, 1e-12, 10)
EXACT = Implicit(Dense(), on="fixed-point")
NEWTON_STEPS = 6
LAYERS, RESTARTED_STEPS = 10, 200
RULES: dict[str, tuple[Method, Solver, Budget]] = {
    "one step": (OneStep(), SOLVER, BUDGET),
    "phantom, 5": (Phantom(5), SOLVER, BUDGET),
    "phantom, 50": (Phantom(50), SOLVER, BUDGET),
    f"restarted, {LAYERS} of {RESTARTED_STEPS}": (
        Restarted(LAYERS),
        Picard(),
        Budget(RESTARTED_STEPS, 0.0, 10),
    ),
}
IMPLICIT = "implicit"
_OPTIONS = {"xla_backend_optimization_level": 1}
"""Nothing is timed here; at level 0 a network's convolutions run twenty times slower."""
_ENDS = {
    Outcome.CONVERGED: Status.OK,
    Outcome.MAX_STEPS: Status.MAX_STEPS,
    Outcome.NOT_FINITE: Status.NOT_FINITE,
    Outcome.DIVERGED: Status.DIVERGED,
}


class Problem(NamedTuple):
    """A lower level and its ground truth."""

    lower: LowerLevel
    truth: Float[Array, "h w"]

    def loss(self, x: Float[Array, "h w"]) -> Float[Array, ""]:
        """Return the mean squared error."""
        return jnp.mean(jnp.square(x - self.truth))


def make_problem(regularizer: str, task: str) -> Problem:
    """Draw a crop of a photograph, measure it, and start the regulariser as benchmarks do."""
    truth = Photographs().sample(SHAPE, 1, SEED)
    A, y = measure(built_in().tasks[task], truth, SEED)
    start = built_in().regularizers[regularizer].initial(SHAPE, SEED)
    return Problem(LowerLevel(A, y[0], start), jnp.asarray(truth[0]))


def measure_model(regularizer: str, task: str, quick: bool) -> list[Row]:
    """Return a row for the implicit rule, judged by differences, and one for each rule judged by it."""
    fix_blas_threads()
    problem = make_problem(regularizer, task)
    setting: Row = {"regularizer": regularizer, "task": task, "quick": quick}
    exact = _run(IMPLICIT, EXACT, SOLVER, BUDGET, problem)
    rows: list[Row] = [setting | _account(IMPLICIT, exact) | _against_differences(problem, exact)]
    truth = flatten(exact.gradient.regularizer)
    for name, (method, solver, budget) in RULES.items():
        found = _run(name, method, solver, budget, problem)
        gradient = flatten(found.gradient.regularizer)
        rows.append(setting | _account(name, found) | {"error": _relative(gradient, truth)})
    return rows


def _run(name: str, method: Method, solver: Solver, budget: Budget, problem: Problem) -> Hypergradient:
    reason = solver.supports(problem.lower) or method.supports(solver, problem.lower)
    if reason is not None:
        raise ValueError(f"{name}: {reason}")

    def program(problem: Problem) -> Hypergradient:
        return hypergradient(method, solver, budget, problem.lower, problem.loss)

    return jax.device_get(jax.jit(program, compiler_options=_OPTIONS)(problem))


def _account(name: str, found: Hypergradient) -> dict[str, Any]:
    status = _ENDS[Outcome(int(found.solution.status))]
    # Restarted makes all of its steps: whether they were enough is what its error says.
    if name.startswith("restarted") and status is Status.MAX_STEPS:
        status = Status.OK
    return {
        "method": name,
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "steps": int(found.solution.steps),
        "residual": _number(found.solution.residual),
        "contraction": _number(found.solution.contraction),
        "adjoint_residual": _number(found.backward.residual),
    }


def _against_differences(problem: Problem, found: Hypergradient) -> dict[str, Any]:
    """Compare along random directions of the parameters, at solutions that Newton's method has polished."""
    directions = random_directions(problem.lower, DIRECTIONS, SEED, ("regularizer",))

    def differences(problem: Problem, directions: LowerLevel) -> Any:
        x = solve(SOLVER, BUDGET, problem.lower).x
        polished = polish(x, map_step_size(problem.lower, 1.0))
        return central_differences(lambda lower: problem.loss(polished(lower)), problem.lower, directions)

    along = jax.device_get(jax.jit(differences, compiler_options=_OPTIONS)(problem, directions))
    pairs = zip(jax.tree.leaves(directions), jax.tree.leaves(found.gradient), strict=True)
    slopes = np.sum([np.tensordot(d, g, axes=np.ndim(g)) for d, g in pairs], axis=0)
    largest = float(np.abs(along.central).max())
    sides = np.abs(along.left - along.right)
    return {
        "error": float(np.abs(slopes - along.central).max()) / largest if largest else None,
        "derivatives": [float(one) for one in along.central],
        # Both sides of a smooth loss differ by its curvature times the step, far less than that.
        "kink": bool((sides > 1e-2 * largest).any()),
    }


def polish(start: Array, tau: Array) -> Callable[[LowerLevel], Array]:
    """Return the solution of a nearby problem by Newton steps on the fixed-point map, from one near by.

    The step size is held: the fixed point of a map that is no gradient step depends on it.
    """

    def step(lower: LowerLevel, x: Array) -> Array:
        jacobian = jax.jacfwd(lambda x: map_move(lower, x, tau))(x).reshape(x.size, x.size)
        return x - jnp.linalg.solve(jacobian, map_move(lower, x, tau).ravel()).reshape(x.shape)

    return lambda lower: jax.lax.fori_loop(0, NEWTON_STEPS, lambda _, x: step(lower, x), start)


def _relative(found: np.ndarray, truth: np.ndarray) -> float | None:
    norm = float(np.linalg.norm(truth))
    if not (np.isfinite(found).all() and np.isfinite(norm) and norm):
        return None
    return float(np.linalg.norm(found - truth)) / norm


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
