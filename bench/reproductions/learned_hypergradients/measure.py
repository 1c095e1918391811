"""One learned model on one task: the implicit rule against differences, cheaper rules against it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import (
    Differences,
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
from ....hypergrad.references.central_differences import slopes_along
from ....hypergrad.solved import Solved
from ....problems import LowerLevel, Photographs, measure
from ....problems.regularizer import SmoothRegularizer
from ....solvers import Anderson, Budget, Dense, Lbfgs, Outcome, Picard, Solution, solve
from ....solvers.fixed_point_map import map_move, map_step_size
from ....solvers.iterations.picard import PicardState
from ...catalogue.catalogue import built_in
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...measure.outcome_status import status_of
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite, relative_error
from ..training_pair import TrainingPair
from .rows import (
    IMPLICIT,
    EndedRule,
    ImplicitAgainstDifferences,
    ImplicitRow,
    LearnedRow,
    ModelOnTask,
    RuleRow,
)

SHAPE, SEED, DIRECTIONS = (12, 12), 0, 3
BUDGET, MAP = Budget(5000, 1e-12, 10), Picard()
EXACT = Implicit(Dense(), on="fixed-point")
CHORD_STEPS = 30
LAYERS, RESTARTED_STEPS = 10, 200
RESTARTED = f"restarted, {LAYERS} of {RESTARTED_STEPS}"
AT_THE_SOLUTION: dict[str, AdjointMethod] = {
    "one step": OneStep(),
    "phantom, 5": Phantom(5),
    "phantom, 50": Phantom(50),
}
RULES = (*AT_THE_SOLUTION, RESTARTED)
_LEVEL = 1
"""Of XLA's optimisations: nothing is timed here, and at level 0 convolutions run twenty times slower."""
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LearnedModel:
    """A regulariser on a task, both by the names that benchmarks give them."""

    regularizer: str
    task: str

    @property
    def name(self) -> str:
        """Regulariser and task."""
        return f"{self.regularizer}, {self.task}"

    def pair(self) -> TrainingPair:
        """Draw a crop of a photograph, measure it, and start the regulariser as benchmarks do."""
        truth = Photographs().sample(SHAPE, 1, SEED)
        A, y = measure(built_in().tasks[self.task], truth, SEED)
        start = built_in().regularizers[self.regularizer].initial(SHAPE, SEED)
        return TrainingPair(LowerLevel(A, y[0], start), jnp.asarray(truth[0]))


def measure_model(case: LearnedModel, quick: bool) -> list[LearnedRow]:
    """Return a row for the implicit rule, judged by differences, and one for each rule judged by it."""
    fix_blas_threads()
    pair = case.pair()
    setting: ModelOnTask = {"regularizer": case.regularizer, "task": case.task, "quick": quick}
    solution = _compiled(_solved)(pair)
    exact, account = _compiled(functools.partial(_at, EXACT))(pair, solution)
    truth = flatten(exact.regularizer)
    implicit: ImplicitRow = {
        **setting,
        **_ended(IMPLICIT, solution, account),
        "finite": bool(np.isfinite(truth).all()),
        **_against_differences(pair, solution.x, exact),
    }
    # Where nothing was found there is nothing to be wrong about.
    found = int(solution.status) == Outcome.CONVERGED

    def row(name: str, end: Solution, gradient: LowerLevel, account: Backward) -> RuleRow:
        error = finite(relative_error(flatten(gradient.regularizer), truth)) if found else None
        return {**setting, **_ended(name, end, account), "error": error}

    rows: list[LearnedRow] = [implicit]
    for name, method in AT_THE_SOLUTION.items():
        rows.append(row(name, solution, *_compiled(functools.partial(_at, method))(pair, solution)))
    restarted = _compiled(_restarted)(pair)
    rows.append(row(RESTARTED, restarted.solution, restarted.gradient, restarted.backward))
    return rows


def _compiled(function: Callable[..., _Result]) -> Callable[..., _Result]:
    return untimed(function, level=_LEVEL)


def _solved(pair: TrainingPair) -> Solution:
    """Solve to rounding, and stand there as the map's own iteration would."""
    smooth = isinstance(pair.lower.regularizer, SmoothRegularizer)
    solution = solve(Lbfgs() if smooth else Anderson(), BUDGET, pair.lower)
    state = PicardState(solution.x, map_step_size(pair.lower, MAP.step_scale))
    return solution._replace(state=state, contraction=None)


def _at(method: AdjointMethod, pair: TrainingPair, solution: Solution) -> tuple[LowerLevel, Backward]:
    cotangent = jax.grad(pair.loss)(solution.x)
    return method.backward(Solved(MAP, BUDGET, pair.lower, solution), cotangent)


def _restarted(pair: TrainingPair) -> Hypergradient:
    budget = Budget(RESTARTED_STEPS, 0.0, 10)
    return hypergradient(Restarted(LAYERS), MAP, budget, pair.lower, pair.loss)


def _ended(name: str, solution: Solution, account: Backward) -> EndedRule:
    status = status_of(solution.status)
    # Restarted makes all of its steps: whether they were enough is what its error says.
    if name == RESTARTED and status is Status.MAX_STEPS:
        status = Status.OK
    return {
        "method": name,
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "steps": int(solution.steps),
        "residual": finite(solution.residual),
        "contraction": finite(account.contraction),
        "adjoint_residual": finite(account.residual),
    }


def _against_differences(pair: TrainingPair, x: Array, gradient: LowerLevel) -> ImplicitAgainstDifferences:
    """Compare along random directions of the parameters, at solutions that chord steps have polished."""
    directions = random_directions(pair.lower, DIRECTIONS, SEED, ("regularizer",))

    def differences(pair: TrainingPair, x: Array, directions: LowerLevel) -> Differences:
        polished = polish(pair.lower, x, map_step_size(pair.lower, MAP.step_scale))
        return central_differences(lambda lower: pair.loss(polished(lower)), pair.lower, directions)

    along = _compiled(differences)(pair, x, directions)
    slopes, central = np.asarray(slopes_along(gradient, directions)), np.asarray(along.central)
    largest = float(np.abs(central).max())
    sides = np.abs(np.asarray(along.left) - np.asarray(along.right))
    return {
        "error": finite(np.abs(slopes - central).max() / largest) if largest else None,
        "derivatives": [finite(one) for one in central],
        # Both sides of a smooth loss differ by its curvature times the step, far less than that.
        "kink": bool((sides > 1e-2 * largest).any()),
    }


def polish(
    lower: LowerLevel, start: Float[Array, "*shape"], tau: Float[Array, ""]
) -> Callable[[LowerLevel], Float[Array, "*shape"]]:
    """Return the solution of a problem near `lower` by chord steps: Newton's, with one Jacobian for all.

    They go on from `start`, a fixed point for `lower`, where the Jacobian of the map is taken: for problems
    moved by h the error falls by a factor of the order of h at each step, as long as no kink is crossed.
    Caveat: where the Jacobian is nearly singular that factor is larger, and the longest steps of differences
    may not be solved to rounding. The step size is held: the fixed point of a map that is no gradient step
    depends on it.
    """
    jacobian = jax.jacfwd(lambda x: map_move(lower, x, tau))(start).reshape(start.size, start.size)
    factors = jax.scipy.linalg.lu_factor(jacobian)

    def step(moved: LowerLevel, x: Array) -> Array:
        return x - jax.scipy.linalg.lu_solve(factors, map_move(moved, x, tau).ravel()).reshape(x.shape)

    return lambda moved: jax.lax.fori_loop(0, CHORD_STEPS, lambda _, x: step(moved, x), start)
