"""One row per rule and hard problem: how wrong the hypergradient is, and what the record says of itself."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import error_bound, no_error_bound
from ....hypergrad.method import AdjointMethod, Backward, Method, TapedMethod
from ....hypergrad.solved import Solved
from ....problems import LowerLevel
from ....solvers import Budget, Solution, Solver, solve
from ...failure import failure_of
from ...machine.threads import fix_blas_threads
from ...measure.account import account_of
from ...measure.outcome_status import status_of
from ...measure.untimed import untimed
from ...records.status import Status
from .challenge import Challenge, FamilyInDtype, See
from .looks import asked_again, change, count_dependent_rows
from .rows import Errors, Hard, Looked, StressRow, Tried, Warnings
from .rules import QUICK, TRIED_RULES, TriedRule
from .truth import Derivative, true_derivative


def measure_challenge(challenge: Challenge, quick: bool) -> list[StressRow]:
    """Try every rule on one problem."""
    fix_blas_threads()
    if not challenge.base:
        _forget()
    truth = true_derivative(challenge)
    hard = _hard(challenge, quick, truth)
    return [_row(one, challenge, hard, truth) for one in _wanted(quick)]


def lost_challenge(challenge: Challenge, quick: bool, status: Status, reason: str) -> list[StressRow]:
    """Return a row without numbers for every rule, of a problem that ended its process."""
    hard = _hard(challenge, quick, None)
    lower = challenge.lower(jnp.zeros(challenge.size, jnp.float64))
    return [
        {**hard, **_tried(one, one.solver(lower, challenge.smooth)), "status": status.value, "reason": reason}
        for one in _wanted(quick)
    ]


def _wanted(quick: bool) -> list[TriedRule]:
    return [one for one in TRIED_RULES if not quick or one.name in QUICK]


def _hard(challenge: Challenge, quick: bool, truth: Derivative | None) -> Hard:
    return {
        "problem": challenge.name,
        "why": challenge.why,
        "kind": "smooth" if challenge.smooth else "l1",
        "quick": quick,
        "left": [] if truth is None else truth.left.tolist(),
        "right": [] if truth is None else truth.right.tolist(),
        "kink": truth is not None and truth.kink,
        "truth_error": None if truth is None else truth.error,
    }


def _tried(rule: TriedRule, solver: Solver) -> Tried:
    return {"method": rule.name, "rule": repr(rule.method), "solver": repr(solver)}


def _row(tried: TriedRule, challenge: Challenge, hard: Hard, truth: Derivative) -> StressRow:
    lower = challenge.lower(jnp.zeros(challenge.size, jnp.float64))
    solver = tried.solver(lower, challenge.smooth)
    which = _tried(tried, solver)
    reason = solver.supports(lower) or tried.method.supports(solver, lower)
    if reason is not None:
        return {**hard, **which, "status": Status.NOT_SUPPORTED.value, "reason": reason}
    try:
        gradient, solution, backward = jax.device_get(_differentiate(tried, challenge, solver))
        again = _asked_again(tried, challenge, solver)
    except Exception as error:  # a contender's own refusal is a row
        return {**hard, **which, "status": Status.FAILED.value, "reason": failure_of(error)}
    return {
        **hard,
        **which,
        **_errors(gradient, truth),
        **_warnings(solution, backward, count_dependent_rows(lower, solver, solution)),
        "change": None if again is None else _looked(change(challenge, solution, gradient, again)),
    }


def _asked_again(tried: TriedRule, challenge: Challenge, solver: Solver) -> np.ndarray | None:
    """Return the gradient of a second look; rules that have an account of their tape need none."""
    if isinstance(tried.method, TapedMethod):
        return None
    return jax.device_get(_differentiate(tried, asked_again(challenge), solver)[0])


def _differentiate(
    tried: TriedRule, challenge: Challenge, solver: Solver
) -> tuple[Array, Solution, Backward]:
    """Return the hypergradient by theta, the solution, and what the backward pass knows of itself."""
    theta, budget = jnp.zeros(challenge.size, jnp.float64), challenge.budget
    family = FamilyInDtype(challenge.family, challenge.dtype)
    if isinstance(tried.method, AdjointMethod):
        solution = _solved(family, solver, budget, challenge.size)
        cotangent = jax.grad(challenge.loss)(solution.x)
        curvature = jnp.asarray(2 * challenge.scale / solution.x.size, cotangent.dtype)
        pulling = _pulling(family, solver, tried.method)
        gradient, backward = pulling(theta, solution, cotangent, curvature)
        return gradient, solution, backward
    if tried.method.traits.uses_every_step:
        budget = Budget(challenge.steps, budget.tolerance, budget.check_every)
    scale = jnp.asarray(challenge.scale, challenge.dtype)
    target = challenge.target.astype(challenge.dtype)
    given = theta, scale, target
    gradient, solution = _through(family, solver, tried.method, budget, challenge.see)(*given)
    if not isinstance(tried.method, TapedMethod):
        return gradient, solution, Backward()
    return gradient, solution, _taped(family, solver, tried.method, budget, challenge.see)(*given)


def _forget() -> None:
    """Drop the programs of other families: hundreds of them exhaust the memory that code may take.

    Problems that differ in their loss or their budget share a family, and so these programs.
    """
    for cached in (_solved, _pulling, _through, _taped):
        cached.cache_clear()
    jax.clear_caches()


@functools.cache
def _solved(family: FamilyInDtype, solver: Solver, budget: Budget, size: int) -> Solution:
    return untimed(lambda theta: solve(solver, budget, family(theta)))(jnp.zeros(size))


@functools.cache
def _pulling(
    family: FamilyInDtype, solver: Solver, method: AdjointMethod
) -> Callable[[Array, Solution, Array, Array], tuple[Array, Backward]]:
    def compute(
        theta: Array, solution: Solution, cotangent: Array, curvature: Array
    ) -> tuple[Array, Backward]:
        lower, pull = jax.vjp(family, theta)
        gradient, backward = method.backward(Solved(solver, Budget(), lower, solution), cotangent)
        if method.traits.adjoint_of_energy and not no_error_bound(lower):
            bound = _relative_bound(lower, solution.x, cotangent, backward.adjoint, curvature, gradient)
            backward = backward._replace(error_bound=bound)
        return pull(gradient)[0], backward._replace(adjoint=None)

    return untimed(compute)


def _relative_bound(
    lower: LowerLevel,
    x: Array,
    cotangent: Array,
    adjoint: Array | None,
    curvature: Array,
    gradient: LowerLevel,
) -> Array:
    """Bound the gradient's error over its norm; both are linear in the loss, so that it may be tiny."""
    assert adjoint is not None
    unit = jnp.max(jnp.abs(cotangent))
    bound = error_bound(lower, x, cotangent / unit, adjoint / unit, curvature / unit).total
    squares = [jnp.sum(jnp.square(leaf / unit)) for leaf in jax.tree.leaves(gradient.regularizer)]
    return bound / jnp.sqrt(jnp.sum(jnp.stack(squares)))


@functools.cache
def _through(
    family: FamilyInDtype, solver: Solver, method: Method, budget: Budget, see: See
) -> Callable[[Array, Array, Array], tuple[Array, Solution]]:
    def loss(theta: Array, scale: Array, target: Array) -> tuple[Array, Solution]:
        solution = method(solver, budget, family(theta))
        return scale * jnp.mean(jnp.square(see(solution.x) - target)), solution

    return untimed(jax.grad(loss, has_aux=True))


@functools.cache
def _taped(
    family: FamilyInDtype, solver: Solver, method: TapedMethod, budget: Budget, see: See
) -> Callable[[Array, Array, Array], Backward]:
    def account(theta: Array, scale: Array, target: Array) -> Backward:
        def outer(x: Array) -> Array:
            return scale * jnp.mean(jnp.square(see(x) - target))

        return method.account(solver, budget, family(theta), outer)

    return untimed(account)


def _errors(gradient: np.ndarray, truth: Derivative) -> Errors:
    """Return the relative error, and at a kink whether every entry lies between the one-sided derivatives."""
    if not np.isfinite(gradient).all():
        return {"gradient": None, "error": None, "element": False}
    # The scale of a loss may be so small that its square is not a number of this precision.
    size = float(np.max(np.abs([truth.left, truth.right])))
    unit = size or truth.unit
    found, exact = gradient / unit, truth.central / unit
    norm = float(np.linalg.norm(exact)) if size else 1.0
    low, high = (bound(truth.left, truth.right) / unit for bound in (np.minimum, np.maximum))
    room = 1e-3
    return {
        "gradient": [float(value) for value in gradient],
        "error": float(np.linalg.norm(found - exact)) / norm,
        "element": bool(((found >= low - room) & (found <= high + room)).all()),
    }


def _warnings(solution: Solution, backward: Backward, dependent: int | None) -> Warnings:
    account = account_of(solution, backward)
    status = status_of(solution.status)
    if status is Status.OK and account.adjoint_converged is False:
        status = Status.ADJOINT_MISSED
    size, rank = account.active_size, account.active_rank
    return {
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "steps": int(account.steps),
        "residual": _looked(account.residual),
        "adjoint_residual": _looked(account.adjoint_residual),
        "adjoint_converged": account.adjoint_converged,
        "adjoint_steps": _whole(account.adjoint_steps),
        "contraction": _looked(account.contraction),
        "error_bound": _looked(None if backward.error_bound is None else float(backward.error_bound)),
        "ambiguous": _whole(account.ambiguous),
        "undecided": _whole(account.undecided),
        "certified": account.certified,
        "dependent_rows": dependent if size is None or rank is None else int(size - rank),
    }


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)


def _looked(value: float | None) -> Looked:
    """Return a number that can be recorded; infinity and NaN as words."""
    return value if value is None or np.isfinite(value) else "not finite"
