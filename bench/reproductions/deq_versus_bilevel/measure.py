"""Hypergradients of one iterate by two conditions: how far apart they are, and what residuals explain."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from typing_extensions import TypedDict

from ....hypergrad import Implicit, OneStep
from ....hypergrad.method import AdjointMethod, Backward
from ....hypergrad.solved import Solved
from ....solvers import AndersonRichardson, Budget, Cg, Gmres, GradientDescent, Richardson, Solution, solve
from ...machine.threads import fix_blas_threads
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import relative_error
from ..smooth_cases import SmoothCase
from ..training_pair import TrainingPair

TOLERANCES, QUICK_TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12), (1e-4, 1e-10)
FACTOR, ROUNDING = 10.0, 1e-13
SOLVER = GradientDescent()
CONTRASTS = {"one step": OneStep(), "damped": Implicit(damping=0.01)}


class ComparedRow(TypedDict):
    """A fixed-point rule against the bilevel one, at one tolerance of the solver and of both adjoints.

    Attributes:
        case: the problem's name.
        quick: whether it was a quick run.
        tightest: whether the tolerance is the smallest of the run.
        rule: the fixed-point rule's linear solver, or a contrast.
        tolerance: of the solver and of both adjoints.
        status: ok, or max_steps where gradient descent stopped at its limit.
        residual: of gradient descent, relative.
        steps: of gradient descent.
        bilevel_residual: of the adjoint equation with the Hessian, relative.
        adjoint_residual: of the rule's own adjoint equation, relative.
        contraction: factor of the fixed-point iteration, as the bilevel rule estimates it.
        bound: of the difference that both residuals explain.
        difference: of both hypergradients, relative.
    """

    case: str
    quick: bool
    tightest: bool
    rule: str
    tolerance: float
    status: str
    residual: float
    steps: int
    bilevel_residual: float
    adjoint_residual: float
    contraction: float
    bound: float
    difference: float


class LookedBack(NamedTuple):
    """The hypergradient by all filters and weights at an iterate, and the backward pass's account."""

    gradient: Float[Array, " parameters"]
    account: Backward


def compare_conditions(case: SmoothCase, quick: bool) -> list[ComparedRow]:
    """Compare both conditions at every tolerance, with several linear solvers."""
    fix_blas_threads()
    pair, tolerances = case.pair(), QUICK_TOLERANCES if quick else TOLERANCES
    rows: list[ComparedRow] = []
    for tolerance in tolerances:
        budget = Budget(50_000, tolerance, 10)
        solution = untimed(lambda lower, budget=budget: solve(SOLVER, budget, lower))(pair.lower)
        bilevel = _look_back(Implicit(Cg(tolerance=tolerance)), pair, solution)
        for name, method in _rules(tolerance, quick):
            other = _look_back(method, pair, solution)
            residuals = _residual(bilevel.account), _residual(other.account)
            assert bilevel.account.contraction is not None
            rho = float(bilevel.account.contraction)
            row: ComparedRow = {
                "case": case.name,
                "quick": quick,
                "tightest": tolerance == tolerances[-1],
                "rule": name,
                "tolerance": tolerance,
                "status": (Status.OK if solution.status == 0 else Status.MAX_STEPS).value,
                "residual": float(solution.residual),
                "steps": int(solution.steps),
                "bilevel_residual": residuals[0],
                "adjoint_residual": residuals[1],
                "contraction": rho,
                "bound": FACTOR * (sum(residuals) + ROUNDING) / max(1 - rho, 1e-12),
                "difference": relative_error(np.asarray(other.gradient), np.asarray(bilevel.gradient)),
            }
            rows.append(row)
    return rows


def _rules(tolerance: float, quick: bool) -> Iterator[tuple[str, AdjointMethod]]:
    """Yield the rules of the fixed point, and the contrasts."""
    yield "richardson", Implicit(Richardson(tolerance=tolerance), on="fixed-point")
    if not quick:
        yield "anderson", Implicit(AndersonRichardson(tolerance=tolerance), on="fixed-point")
        yield "gmres", Implicit(Gmres(tolerance=tolerance), on="fixed-point")
    yield from CONTRASTS.items()


def _look_back(method: AdjointMethod, pair: TrainingPair, solution: Solution) -> LookedBack:
    def compute(pair: TrainingPair, solution: Solution) -> LookedBack:
        cotangent = jax.grad(pair.loss)(solution.x)
        gradient, account = method.backward(Solved(SOLVER, Budget(), pair.lower, solution), cotangent)
        return LookedBack(ravel_pytree(gradient.regularizer)[0], account)

    return untimed(compute)(pair, solution)


def _residual(account: Backward) -> float:
    return 0.0 if account.residual is None else float(account.residual)
