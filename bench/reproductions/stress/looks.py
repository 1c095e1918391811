"""Looks that anyone can take at a hypergradient, whatever the rule: ask again, and count dependent rows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ....hypergrad import dependent_rows
from ....problems import LowerLevel
from ....solvers import Budget, Solution, Solver
from ....solvers.analysis_l1_problem import DualSolver
from ...measure.untimed import untimed
from .challenge import Challenge
from .verdict import RIGHT, ZERO


def asked_again(challenge: Challenge) -> Challenge:
    """Return the problem with a tenth of the tolerance and twice the steps."""
    budget = challenge.budget
    budget = Budget(2 * budget.max_steps, budget.tolerance / 10, budget.check_every)
    return challenge._replace(budget=budget, steps=2 * challenge.steps)


def change(challenge: Challenge, solution: Solution, first: Any, second: Any) -> float:
    """Return how far two gradients are apart, over the larger.

    Gradients so small that they count as zero are as large as those that do not; infinite where one is no
    number.
    """
    loss = challenge._replace(scale=1.0).loss
    slope = np.linalg.norm(np.ravel(jax.grad(loss)(jnp.asarray(solution.x))))
    least = float(ZERO / RIGHT * challenge.scale * slope * np.linalg.norm(np.ravel(solution.x)))
    one, other = (np.asarray(gradient, np.float64) for gradient in (first, second))
    if not np.isfinite([one, other]).all():
        return float("inf")
    # Squares of a tiny gradient are zero.
    unit = max(float(np.max(np.abs([one, other]))), least)
    if unit == 0:
        return 0.0
    sizes = [float(np.linalg.norm(gradient / unit)) for gradient in (one, other)]
    return float(np.linalg.norm((one - other) / unit)) / max(*sizes, least / unit)


def count_dependent_rows(lower: LowerLevel, solver: Solver, solution: Solution) -> int | None:
    """Return how many active rows of an l1 solution are dependent; None without a finite dual variable.

    jaxopt hands out none.
    """
    if solution.certificate is None or solution.state is None or not isinstance(solver, DualSolver):
        return None
    # What came from the device is an array of another kind.
    x, state = jax.tree.map(jnp.asarray, (solution.x, solution.state))
    u = solver.dual(lower, state)
    if not (jnp.all(jnp.isfinite(x)) and jnp.all(jnp.isfinite(u))):
        return None
    return int(_count(lower, x, u))


_count = untimed(dependent_rows)
