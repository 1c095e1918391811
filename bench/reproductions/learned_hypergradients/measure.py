"""One learned model on one task: the implicit rule against differences, cheaper rules against it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import (
    Hypergradient,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    central_differences,
    hypergradient,
    random_directions,
)
from ....hypergrad.method import AdjointMethod, Backward
from ....problems import LowerLevel, Photographs, measure
from ....problems.regularizer import SmoothRegularizer
from ....solvers import Anderson, Budget, Dense, Lbfgs, Outcome, Picard, Solution, solve
from ....solvers.fixed_point_map import map_move, map_step_size
from ....solvers.iterations.picard import PicardState
from ...catalogue.catalogue import built_in
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...records.status import Status
from ..certified_l1.measure import finite, slopes_along
from ..reproduction import Row

SHAPE, SEED, DIRECTIONS = (12, 12), 0, 3
BUDGET, MAP = Budget(5000, 1e-12, 10), Picard()
EXACT = Implicit(Dense(), on="fixed-point")
NEWTON_STEPS = 6
LAYERS, RESTARTED_STEPS = 10, 200
IMPLICIT, RESTARTED = "implicit", f"restarted, {LAYERS} of {RESTARTED_STEPS}"
AT_THE_SOLUTION: dict[str, AdjointMethod] = {
    "one step": OneStep(),
    "phantom, 5": Phantom(5),
    "phantom, 50": Phantom(50),
}
RULES = (*AT_THE_SOLUTION, RESTARTED)
_OPTIONS = {"xla_backend_optimization_level": 1}
"""Nothing is timed here; at level 0 a network's convolutions run twenty times slower."""


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
    solution = _run(_solved, problem)
    exact, account = _run(functools.partial(_at, EXACT), problem, solution)
    row = setting | _end(IMPLICIT, solution) | _told(account)
    truth = flatten(exact.regularizer)
    row["finite"] = bool(np.isfinite(truth).all())
    rows: list[Row] = [row | _against_differences(problem, solution.x, exact)]
    # Where nothing was found there is nothing to be wrong about.
    found = int(solution.status) == Outcome.CONVERGED

    def add(name: str, end: Solution, gradient: LowerLevel, account: Backward) -> None:
        error = _relative(flatten(gradient.regularizer), truth) if found else None
        rows.append(setting | _end(name, end) | _told(account) | {"error": error})

    for name, method in AT_THE_SOLUTION.items():
        add(name, solution, *_run(functools.partial(_at, method), problem, solution))
    restarted = _run(_restarted, problem)
    add(RESTARTED, restarted.solution, restarted.gradient, restarted.backward)
    return rows


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    return jax.jit(function, compiler_options=_OPTIONS)(*arguments)


def _solved(problem: Problem) -> Solution:
    """Solve to rounding, and stand there as the map's own iteration would."""
    smooth = isinstance(problem.lower.regularizer, SmoothRegularizer)
    solution = solve(Lbfgs() if smooth else Anderson(), BUDGET, problem.lower)
    state = PicardState(solution.x, map_step_size(problem.lower, MAP.step_scale))
    return solution._replace(state=state, contraction=None)


def _at(method: AdjointMethod, problem: Problem, solution: Solution) -> tuple[LowerLevel, Backward]:
    cotangent = jax.grad(problem.loss)(solution.x)
    return method.backward(MAP, BUDGET, problem.lower, solution, cotangent)


def _restarted(problem: Problem) -> Hypergradient:
    budget = Budget(RESTARTED_STEPS, 0.0, 10)
    return hypergradient(Restarted(LAYERS), MAP, budget, problem.lower, problem.loss)


def _end(name: str, solution: Solution) -> dict[str, Any]:
    status = Status.of(solution.status)
    # Restarted makes all of its steps: whether they were enough is what its error says.
    if name == RESTARTED and status is Status.MAX_STEPS:
        status = Status.OK
    return {
        "method": name,
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "steps": int(solution.steps),
        "residual": finite(solution.residual),
    }


def _told(account: Backward) -> dict[str, Any]:
    return {
        "contraction": finite(account.contraction),
        "adjoint_residual": finite(account.residual),
    }


def _against_differences(problem: Problem, x: Array, gradient: LowerLevel) -> dict[str, Any]:
    """Compare along random directions of the parameters, at solutions that Newton's method has polished."""
    directions = random_directions(problem.lower, DIRECTIONS, SEED, ("regularizer",))

    def differences(problem: Problem, x: Array, directions: LowerLevel) -> Any:
        polished = polish(x, map_step_size(problem.lower, MAP.step_scale))
        return central_differences(lambda lower: problem.loss(polished(lower)), problem.lower, directions)

    along = _run(differences, problem, x, directions)
    slopes = np.asarray(slopes_along(gradient, directions))
    largest = float(np.abs(along.central).max())
    sides = np.abs(along.left - along.right)
    return {
        "error": finite(np.abs(slopes - along.central).max() / largest) if largest else None,
        "derivatives": [finite(one) for one in along.central],
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
