"""Certify solutions, differentiate them in closed form, and difference certified solutions beside that."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad import (
    CertifiedSolution,
    Differences,
    certified_solution,
    difference_quotients,
    pair,
    plateau,
)
from ....hypergrad.l1.active_set_system import active_set_system, solve_system
from ....hypergrad.l1.certified_solution import is_nonsmooth
from ....problems import LowerLevel
from ....solvers import PrimalDualPair
from ....solvers.matrices.normal_matrix import layout_of, rank_of_rows
from ...machine.threads import fix_blas_threads
from ...measure.program import Compiler
from ...records.status import Status
from ..reproduction import Row
from .problem import Case, Problem, directions_of, make_problem

SEEDS, QUICK_SEEDS = (0, 1, 2), (0,)
FIGURES = (
    "stationarity",
    "infeasibility",
    "sign_violation",
    "gap",
    "dual_margin",
    "primal_margin",
    "active_size",
    "ambiguous",
)


class Certified(NamedTuple):
    """A certified solution with the numerical rank of its active rows."""

    solution: CertifiedSolution
    rank: Int[Array, ""]


class Differentiated(NamedTuple):
    """The closed form's hypergradient, and whether the solution has a kink."""

    gradient: LowerLevel
    nonsmooth: Bool[Array, ""]


def measure_case(case: Case, quick: bool) -> list[Row]:
    """Return one row a seed and a part that moves."""
    fix_blas_threads()
    compiler = Compiler()
    first = make_problem(case, 0)
    solve = compiler.compile_program(certify, first.lower, name=case.name)
    solved = solve(first.lower)
    differentiate = compiler.compile_program(closed_form, first, solved, name=case.name)
    quotients = None
    if case.moves:
        directions = directions_of(first.lower, case.moves[0], 0)
        quotients = compiler.compile_program(differences, first, solved, directions, name=case.name)
    rows: list[Row] = []
    for seed in QUICK_SEEDS if quick else SEEDS:
        problem = make_problem(case, seed)
        start = time.perf_counter()
        solved = jax.block_until_ready(solve(problem.lower))
        seconds = time.perf_counter() - start
        row = _setting(case, seed, problem, quick) | _solution(solved, seconds)
        found = differentiate(problem, solved)
        row |= {"nonsmooth": bool(found.nonsmooth)}
        rows += [row | part for part in _parts(case, seed, problem, solved, found, quotients)]
    return rows


def certify(lower: LowerLevel) -> Certified:
    """Solve and certify."""
    solution = certified_solution(lower)
    layout = layout_of(lower, solution.point.x.shape)
    return Certified(solution, rank_of_rows(lower, layout, solution.point.active))


def closed_form(problem: Problem, solved: Certified) -> Differentiated:
    """Differentiate the mean squared error at a certified solution by every leaf of the lower level."""
    lower, point = problem.lower, solved.solution.point
    cotangent = jax.grad(lambda x: _loss(x, problem.truth))(point.x)
    system = active_set_system(lower, point.active, point.x.shape)
    adjoint = solve_system(lower, system, cotangent, jnp.zeros_like(point.u))
    gradient = pair(lower, point, adjoint.v, adjoint.mu)
    return Differentiated(gradient, is_nonsmooth(lower, solved.solution, system, adjoint, gradient))


def differences(problem: Problem, solved: Certified, directions: LowerLevel) -> Differences:
    """Difference losses of solutions that are certified anew; NaN where one is not."""
    point = solved.solution.point

    def loss(moved: LowerLevel) -> Array:
        again = certified_solution(moved, PrimalDualPair(point.x, point.u))
        return jnp.where(again.certificate.certified, _loss(again.point.x, problem.truth), jnp.nan)

    return difference_quotients(loss, problem.lower, directions)


def slopes_along(gradient: LowerLevel, directions: LowerLevel) -> Float[Array, " count"]:
    """Return the gradient's derivative along each direction."""
    leaves = zip(jax.tree.leaves(directions), jax.tree.leaves(gradient), strict=True)
    return jnp.asarray(sum(jnp.tensordot(direction, leaf, axes=leaf.ndim) for direction, leaf in leaves))


def finite(value: Any) -> float | None:
    """Return a plain number; None for none, and where it is not finite, which JSON cannot hold."""
    return float(value) if value is not None and np.isfinite(value) else None


def _parts(
    case: Case,
    seed: int,
    problem: Problem,
    solved: Certified,
    found: Differentiated,
    quotients: Callable[..., Differences] | None,
) -> list[Row]:
    if quotients is None:
        return [{"moves": None, "error": None, "errors": None}]
    rows: list[Row] = []
    for moves in case.moves:
        directions = directions_of(problem.lower, moves, seed)
        exact = np.asarray(slopes_along(found.gradient, directions))
        every = quotients(problem, solved, directions)
        best = jax.vmap(plateau)(every)
        errors = [_relative(np.asarray(central), exact) for central in every.central.T]
        rows.append(
            {
                "moves": moves,
                "error": _relative(np.asarray(best.central), exact),
                "errors": list(errors),
                "closed_form": [finite(one) for one in exact],
                "left": [finite(one) for one in best.left],
                "right": [finite(one) for one in best.right],
            }
        )
    return rows


def _relative(found: np.ndarray, exact: np.ndarray) -> float | None:
    """Return the error of all directions together, relative."""
    return finite(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def _setting(case: Case, seed: int, problem: Problem, quick: bool) -> Row:
    return {
        "case": case.name,
        "kind": case.kind,
        "task": case.task,
        "size": f"{case.shape[0]} x {case.shape[1]}",
        "seed": seed,
        "weight": float(np.asarray(problem.lower.regularizer.weight)),  # pyright: ignore
        "quick": quick,
    }


def _solution(solved: Certified, seconds: float) -> Row:
    certificate = solved.solution.certificate
    numbers: Row = {name: finite(getattr(certificate, name)) for name in FIGURES}
    proved = bool(certificate.certified)
    reason = "" if proved else f"the largest violation is {float(certificate.violation):.1e}"
    return numbers | {
        "status": (Status.OK if proved else Status.NOT_CERTIFIED).value,
        "reason": reason,
        "certified": proved,
        "rows_of_W": int(solved.solution.point.u.size),
        "active_rank": int(solved.rank),
        "newton_steps": int(solved.solution.newton_steps),
        "seconds": seconds,
    }


def _loss(x: Array, truth: Array) -> Array:
    return jnp.mean(jnp.square(x - truth))
