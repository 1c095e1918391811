"""Certify solutions, differentiate them in closed form, and difference certified solutions beside that."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import (
    CertifiedSolution,
    Differences,
    certified_solution,
    difference_quotients,
    plateau,
)
from ....hypergrad.references.central_differences import slopes_along
from ....problems import AnalysisL1, LowerLevel
from ....solvers import PrimalDualPair
from ...machine.threads import fix_blas_threads
from ...measure.clock import time_once
from ...measure.program import Compiler, Program
from ...records.status import Status
from ..certified import Certified, ClosedFormGradient, certify, closed_form, has_kink
from ..relative_error import finite, relative_error
from ..training_pair import TrainingPair
from .problem import CertifiedCase, directions_of, draw_pair, nearby
from .rows import (
    CertifiedRow,
    CertifiedSolutionFields,
    CertifiedSolve,
    ClosedFormAgainstDifferences,
    ClosedFormSolve,
    Drawn,
    SolvedAgain,
)


def measure_case(case: CertifiedCase, quick: bool) -> list[CertifiedRow]:
    """Return one row per seed and part that moves."""
    fix_blas_threads()
    compiler = Compiler()
    first = draw_pair(case, 0)
    solve = compiler.compile_program(certify, first.lower, name=case.name)
    solved = solve(first.lower)
    again = compiler.compile_program(_certify_from, first.lower, _point(solved), name=case.name)
    differentiate = compiler.compile_program(closed_form, first, solved, name=case.name)
    kinked = compiler.compile_program(
        has_kink, first.lower, solved, differentiate(first, solved), name=case.name
    )
    quotients = _quotients_program(case, first, solved, compiler)
    rows: list[CertifiedRow] = []
    for seed in case.seeds[:1] if quick else case.seeds:
        pair = draw_pair(case, seed)
        solved, seconds = time_once(lambda lower=pair.lower: solve(lower))
        found, gradient_seconds = time_once(lambda pair=pair, solved=solved: differentiate(pair, solved))
        solution: CertifiedSolutionFields = {
            **_drawn(case, seed, pair, quick),
            **_solved(solved, seconds),
            **_differentiated(found, gradient_seconds),
            **_solved_again(case, again, pair.lower, solved, seed),
            "nonsmooth": bool(kinked(pair.lower, solved, found)),
        }
        if quotients is None:
            rows.append({**solution, "moves": None, "error": None, "errors": None})
            continue
        for moves in case.moves:
            directions = directions_of(pair.lower, moves, seed, case.directions)
            every = quotients(pair, solved, directions)
            rows.append({**solution, **_against(moves, found, directions, every)})
    return rows


def _point(solved: Certified) -> PrimalDualPair:
    point = solved.solution.point
    return PrimalDualPair(point.x, point.u)


def _certify_from(lower: LowerLevel, start: PrimalDualPair) -> CertifiedSolution:
    return certified_solution(lower, start)


def _differentiated(found: ClosedFormGradient, seconds: float) -> ClosedFormSolve:
    return {"gradient_seconds": seconds, "adjoint_residual": finite(found.adjoint.residual)}


def _solved_again(
    case: CertifiedCase, again: Program, lower: LowerLevel, solved: Certified, seed: int
) -> SolvedAgain:
    """Solve with filters that have moved a little, from the last pair."""
    if case.kind != "image":
        return {}
    moved, start = nearby(lower, seed), _point(solved)
    found, seconds = time_once(lambda: again(moved, start))
    return {"nearby_seconds": seconds, "nearby_certified": bool(found.certificate.certified)}


def _quotients_program(
    case: CertifiedCase, pair: TrainingPair, solved: Certified, compiler: Compiler
) -> Program | None:
    """Compile the differences; None for a case that is too large for them."""
    if not case.moves:
        return None
    directions = directions_of(pair.lower, case.moves[0], 0, case.directions)
    return compiler.compile_program(differences, pair, solved, directions, name=case.name)


def differences(pair: TrainingPair, solved: Certified, directions: LowerLevel) -> Differences:
    """Difference losses of solutions that are certified anew; NaN where one is not."""

    def loss(moved: LowerLevel) -> Array:
        again = certified_solution(moved, _point(solved))
        return jnp.where(again.certificate.certified, pair.loss(again.point.x), jnp.nan)

    return difference_quotients(loss, pair.lower, directions)


def _against(
    moves: str, found: ClosedFormGradient, directions: LowerLevel, every: Differences
) -> ClosedFormAgainstDifferences:
    """Compare the closed form with differences of every step, and on their plateau."""
    exact = np.asarray(slopes_along(found.gradient, directions))
    best = jax.vmap(plateau)(every)
    return {
        "moves": moves,
        "error": finite(relative_error(np.asarray(best.central), exact)),
        "errors": [finite(relative_error(np.asarray(central), exact)) for central in every.central.T],
        "closed_form": _finite(exact),
        "left": _finite(best.left),
        "right": _finite(best.right),
    }


def _finite(values: Sequence[float] | Array | np.ndarray) -> list[float | None]:
    return [finite(one) for one in values]


def _drawn(case: CertifiedCase, seed: int, pair: TrainingPair, quick: bool) -> Drawn:
    regularizer = pair.lower.regularizer
    assert isinstance(regularizer, AnalysisL1)
    return {
        "case": case.name,
        "kind": case.kind,
        "task": case.task,
        "size": case.size,
        "seed": seed,
        "weight": float(np.asarray(regularizer.weight)),
        "quick": quick,
    }


def _solved(solved: Certified, seconds: float) -> CertifiedSolve:
    certificate = solved.solution.certificate
    proved = bool(certificate.certified)
    return {
        "stationarity": finite(certificate.stationarity),
        "infeasibility": finite(certificate.infeasibility),
        "sign_violation": finite(certificate.sign_violation),
        "gap": finite(certificate.gap),
        "dual_margin": finite(certificate.dual_margin),
        "primal_margin": finite(certificate.primal_margin),
        "active_size": finite(certificate.active_size),
        "ambiguous": finite(certificate.ambiguous),
        "status": (Status.OK if proved else Status.NOT_CERTIFIED).value,
        "reason": "" if proved else f"the largest violation is {float(certificate.violation):.1e}",
        "certified": proved,
        "rows_of_W": int(solved.solution.point.u.size),
        "active_rank": int(solved.rank),
        "newton_steps": int(solved.solution.newton_steps),
        "seconds": seconds,
    }
