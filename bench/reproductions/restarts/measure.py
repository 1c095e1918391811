"""Errors of restarted differentiation over layers and restarts, and the contraction factor they follow."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ....hypergrad import ClosedForm, Implicit, Restarted
from ....hypergrad.solved import Solved
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
from ...measure.untimed import untimed
from ..relative_error import relative_error
from ..smooth_cases import SmoothCase
from ..training_pair import TrainingPair
from .rows import LAYERS, RESTARTS, RestartRow

DECADES, QUICK_DECADES = (1, 2, 4, 6, 8, 10), (5, 8)
RESTART_COUNTS, QUICK_RESTART_COUNTS = (0, 1, 3, 5, 7, 9), (5, 8)
LONGEST = 2000
UNIT_EIGENVALUE = 1 - 1e-9


@dataclass(frozen=True)
class SmoothRestarts:
    """A smooth energy under gradient descent."""

    problem: SmoothCase
    solver: GradientDescent = GradientDescent()

    @property
    def name(self) -> str:
        """The energy's name."""
        return self.problem.name

    def pair(self) -> TrainingPair:
        """Draw the energy."""
        return self.problem.pair()


@dataclass(frozen=True)
class L1Restarts:
    """l1 denoising of a piecewise-constant signal of 16 samples."""

    solver: PrimalDual | DualFista

    @property
    def accelerated(self) -> bool:
        """Whether the solver's step changes from iteration to iteration."""
        return isinstance(self.solver, DualFista)

    @property
    def name(self) -> str:
        """Problem and solver."""
        return f"l1 denoising, {'dual FISTA' if self.accelerated else 'primal-dual'}"

    def pair(self) -> TrainingPair:
        """Draw the signal."""
        truth = PiecewiseConstant().sample((16,), 1, 0)
        A, y = measure(Denoising(), truth, 0)
        lower = LowerLevel(A, y[0], AnalysisL1.initial((16,), 0))
        return TrainingPair(lower, jnp.asarray(truth[0]))


RestartCase = SmoothRestarts | L1Restarts


class ExactStep(NamedTuple):
    """The solution, the hypergradient there, and the step's contraction factor."""

    x: Float[np.ndarray, "..."]
    gradient: Float[np.ndarray, " parameters"]
    rho: float


class Restart(NamedTuple):
    """The hypergradient by restarted differentiation, and the iterate that it is of."""

    gradient: Float[np.ndarray, " parameters"]
    x: Float[np.ndarray, "..."]


def measure_restarts(case: RestartCase, quick: bool) -> list[RestartRow]:
    """Return one row per number of layers, and one per number of restarts."""
    fix_blas_threads()
    pair, solver = case.pair(), case.solver
    exact = _exact(pair, solver)

    def row(over: str, count: int, found: Restart) -> RestartRow:
        return {
            "case": case.name,
            "solver": repr(solver),
            "quick": quick,
            "rho": exact.rho,
            "over": over,
            "steps": count,
            "gradient_error": relative_error(found.gradient, exact.gradient),
            "x_error": relative_error(found.x, exact.x),
        }

    decade = math.log(10) / -math.log(exact.rho)
    decades = QUICK_DECADES if quick else DECADES
    layers = sorted({1, *(min(max(2, round(decade * one)), LONGEST) for one in decades)})
    free = max(10 * layers[-1], 200)
    block = max(2, round(decade))
    steps = [(restarts + 1) * block for restarts in (QUICK_RESTART_COUNTS if quick else RESTART_COUNTS)]
    return [
        *(row(LAYERS, count, _restarted(pair, solver, count, free)) for count in layers),
        *(row(RESTARTS, count, _restarted(pair, solver, block, count)) for count in steps),
    ]


def _exact(pair: TrainingPair, solver: Solver) -> ExactStep:
    """Solve and differentiate to rounding: by the closed form on l1, by a dense implicit solve else."""
    lower = pair.lower
    l1 = isinstance(lower.regularizer, AnalysisL1)
    method, tight = (ClosedForm(), solver) if l1 else (Implicit(Dense()), Nesterov())

    def compute(pair: TrainingPair) -> tuple[Solution, LowerLevel]:
        solution = solve(tight, Budget(100_000, 1e-14, 100), pair.lower)
        cotangent = jax.grad(pair.loss)(solution.x)
        return solution, method.backward(Solved(tight, Budget(), pair.lower, solution), cotangent)[0]

    solution, gradient = untimed(compute)(pair)
    state = solution.state if l1 else solver.init(lower)._replace(x=solution.x)
    step = step_map(solver, lower, state)
    flat, unravel = ravel_pytree(step.point)
    jacobian = jax.jacfwd(lambda z: ravel_pytree(step.advance(lower, unravel(z)))[0])(flat)
    sizes = np.abs(np.linalg.eigvals(np.asarray(jacobian)))
    # Directions that the step leaves as they are (a dual variable that is not unique) carry no error of x.
    rho = float(np.max(sizes[sizes < UNIT_EIGENVALUE]))
    return ExactStep(np.asarray(solution.x), np.asarray(ravel_pytree(gradient.regularizer)[0]), rho)


def _restarted(pair: TrainingPair, solver: Solver, layers: int, steps: int) -> Restart:
    budget = Budget(steps, 0.0)

    def loss(lower: LowerLevel) -> tuple[Array, Array]:
        x = Restarted(layers)(solver, budget, lower).x
        return pair.loss(x), x

    gradient, x = untimed(jax.grad(loss, has_aux=True))(pair.lower)
    return Restart(np.asarray(ravel_pytree(gradient.regularizer)[0]), np.asarray(x))
