"""Errors of restarted differentiation over layers and restarts, and the contraction factor they follow."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ....hypergrad import ClosedForm, Implicit, Restarted
from ....hypergrad.step_map import step_map
from ....problems import AnalysisL1, Denoising, LowerLevel, PiecewiseConstant, measure
from ....solvers import (
    Budget,
    Dense,
    DualFista,
    GradientDescent,
    Nesterov,
    PrimalDual,
    Solution,
    Solver,
    solve,
)
from ...machine.threads import fix_blas_threads
from ..reproduction import Row
from ..smooth_instance import SmoothInstance, smooth_instance

L1_SOLVERS: dict[str, Solver] = {
    "l1 denoising, primal-dual": PrimalDual(),
    "l1 denoising, dual FISTA": DualFista(),
}
DECADES, QUICK_DECADES = (1, 2, 4, 6, 8, 10), (5, 8)
RESTARTS, QUICK_RESTARTS = (0, 1, 3, 5, 7, 9), (5, 8)
LONGEST = 2000
UNIT_EIGENVALUE = 1 - 1e-9


class Exact(NamedTuple):
    """The solution, the hypergradient there, and the step's contraction factor."""

    x: np.ndarray
    gradient: np.ndarray
    rho: float


def measure_restarts(case: str, quick: bool) -> list[Row]:
    """Return a row a number of layers, and one a number of restarts."""
    fix_blas_threads()
    instance, solver = make_instance(case)
    exact = _exact(instance, solver)
    setting: Row = {"case": case, "solver": repr(solver), "quick": quick, "rho": exact.rho}
    decade = math.log(10) / -math.log(exact.rho)
    decades = QUICK_DECADES if quick else DECADES
    layers = sorted({1, *(min(max(2, round(decade * one)), LONGEST) for one in decades)})
    free = max(10 * layers[-1], 200)
    rows: list[Row] = []
    for count in layers:
        gradient, x = _restarted(instance, solver, count, free)
        rows.append(setting | _row("layers", count, gradient, x, exact))
    block = max(2, round(decade))
    for restarts in QUICK_RESTARTS if quick else RESTARTS:
        gradient, x = _restarted(instance, solver, block, (restarts + 1) * block)
        rows.append(setting | _row("restarts", (restarts + 1) * block, gradient, x, exact))
    return rows


def make_instance(case: str) -> tuple[SmoothInstance, Solver]:
    """Make the problem of a case, with its solver."""
    if case not in L1_SOLVERS:
        return smooth_instance(case), GradientDescent()
    truth = PiecewiseConstant().sample((16,), 1, 0)
    A, y = measure(Denoising(), truth, 0)
    lower = LowerLevel(A, y[0], AnalysisL1.initial((16,), 0))
    return SmoothInstance(lower, jnp.asarray(truth[0])), L1_SOLVERS[case]


def _exact(instance: SmoothInstance, solver: Solver) -> Exact:
    lower = instance.lower

    def compute(instance: SmoothInstance) -> tuple[Solution, LowerLevel]:
        method, tight = (
            (ClosedForm(), solver)
            if hasattr(lower.regularizer, "weight")
            else (Implicit(Dense()), Nesterov())
        )
        solution = solve(tight, Budget(100_000, 1e-14, 100), instance.lower)
        cotangent = jax.grad(instance.loss)(solution.x)
        return solution, method.backward(tight, Budget(), instance.lower, solution, cotangent)[0]

    solution, gradient = jax.jit(compute)(instance)
    state = (
        solution.state if hasattr(lower.regularizer, "weight") else solver.init(lower)._replace(x=solution.x)
    )
    step = step_map(solver, lower, state)
    flat, unravel = ravel_pytree(step.point)
    jacobian = jax.jacfwd(lambda z: ravel_pytree(step.advance(lower, unravel(z)))[0])(flat)
    sizes = np.abs(np.linalg.eigvals(np.asarray(jacobian)))
    # Directions that the step leaves as they are (a dual variable that is not unique) carry no error of x.
    rho = float(np.max(sizes[sizes < UNIT_EIGENVALUE]))
    return Exact(np.asarray(solution.x), np.asarray(ravel_pytree(gradient.regularizer)[0]), rho)


def _restarted(
    instance: SmoothInstance, solver: Solver, layers: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    budget = Budget(steps, 0.0)

    def loss(lower: LowerLevel) -> tuple[jax.Array, jax.Array]:
        x = Restarted(layers)(solver, budget, lower).x
        return instance.loss(x), x

    gradient, x = jax.jit(jax.grad(loss, has_aux=True))(instance.lower)
    return np.asarray(ravel_pytree(gradient.regularizer)[0]), np.asarray(x)


def _row(over: str, count: int, gradient: np.ndarray, x: np.ndarray, exact: Exact) -> Row:
    return {
        "over": over,
        "steps": count,
        "gradient_error": float(np.linalg.norm(gradient - exact.gradient) / np.linalg.norm(exact.gradient)),
        "x_error": float(np.linalg.norm(x - exact.x) / np.linalg.norm(exact.x)),
    }
