"""The example: the derivative of a primal-dual iterate, by differences and by AD, against the solution's."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import Unrolled, hypergradient, random_directions
from ....problems import AnalysisL1, Denoising, LowerLevel, Photographs, measure
from ....solvers import Budget, PrimalDual, solve
from ...machine.threads import fix_blas_threads
from ...records.status import Status
from ..certified_l1.measure import slopes_along
from ..reproduction import Row
from .measure import exact, loss
from .problem import Problem

EXAMPLE = "primal-dual iterates, 12 x 12 filter bank"
STEPS, QUICK_STEPS = (1000, 10_000, 100_000), (100, 1000)
WEIGHT = 0.05
STEP = 1e-6
SEGMENT = 300


def measure_example(quick: bool) -> list[Row]:
    """Return one row a number of steps."""
    fix_blas_threads()
    problem = make_example()
    truth = exact(problem)
    setting: Row = {"case": EXAMPLE, "solver": repr(PrimalDual()), "method": "iterate", "quick": quick}
    if truth is None:
        return [setting | {"status": Status.FAILED.value, "reason": "the reference is not trusted"}]
    directions = random_directions(problem.lower, 1, 0, ("regularizer",))
    along = np.concatenate([np.ravel(leaf[0]) for leaf in jax.tree.leaves(directions.regularizer)])
    setting["exact"] = float(along @ truth.gradient)
    counts = QUICK_STEPS if quick else STEPS
    return [setting | _row(problem, directions, steps, truth.x) for steps in counts]


def make_example() -> Problem:
    """Denoise a photograph of 12 x 12 pixels with 8 perturbed 3 x 3 filters."""
    truths = Photographs().sample((12, 12), 1, 0)
    A, y = measure(Denoising(), truths, 0)
    regularizer = AnalysisL1.initial((12, 12), 0)
    regularizer = dataclasses.replace(regularizer, weight=jnp.asarray(WEIGHT))
    return Problem(LowerLevel(A, y[0], regularizer), jnp.asarray(truths[0]))


def _row(problem: Problem, directions: LowerLevel, steps: int, x: np.ndarray) -> Row:
    found = jax.jit(_iterate, static_argnums=0)(steps, problem, directions)
    iterate, residual, difference, slope = (np.asarray(part) for part in found)
    return {
        "steps": steps,
        "residual": float(residual),
        "x_error": float(np.linalg.norm(iterate - x) / np.linalg.norm(x)),
        "by_differences": float(difference),
        "by_ad": float(slope),
        "status": Status.OK.value,
        "reason": "",
    }


def _iterate(steps: int, problem: Problem, directions: LowerLevel) -> tuple[Array, Array, Array, Array]:
    """Return x, its residual, and the loss's derivative along the direction, by differences and by AD."""
    budget = Budget(max_steps=steps, tolerance=0.0, check_every=steps)

    def outer(x: Array) -> Array:
        return loss(x, problem.truth)

    def moved(step: Array) -> Array:
        lower = jax.tree.map(lambda leaf, d: leaf + step * d[0], problem.lower, directions)
        return outer(solve(PrimalDual(), budget, lower).x)

    ahead, behind = jax.lax.map(moved, jnp.asarray([STEP, -STEP]))
    method = Unrolled(checkpoint_every=SEGMENT)
    found = hypergradient(method, PrimalDual(), budget, problem.lower, outer)
    slope = slopes_along(found.gradient, directions)[0]
    return found.solution.x, found.solution.residual, (ahead - behind) / (2 * STEP), slope
