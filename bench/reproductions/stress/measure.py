"""One row a rule and hard problem: how wrong the hypergradient is, and what the record says of itself."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import error_bound, no_error_bound
from ....hypergrad.method import AdjointMethod, Backward, Method, TapedMethod
from ....problems import LowerLevel
from ....solvers import Budget, Solution, Solver, solve
from ...failure import failure_of
from ...machine.threads import fix_blas_threads
from ...records.status import Status
from ..reproduction import Row
from .challenge import Challenge, Family, See
from .contestants import CONTESTANTS, QUICK, Contestant
from .looks import asked_again, change, count_dependent_rows
from .problems import named
from .truth import Derivative, true_derivative


def measure_challenge(name: str, quick: bool) -> list[Any]:
    """Try every rule on one problem."""
    fix_blas_threads()
    challenge = named(name)
    if not challenge.base:
        _forget()
    truth = true_derivative(challenge)
    setting: dict[str, Any] = {
        "problem": name,
        "why": challenge.why,
        "kind": "smooth" if challenge.smooth else "l1",
        "quick": quick,
        "left": list(truth.left),
        "right": list(truth.right),
        "kink": truth.kink,
        "truth_error": truth.error,
    }
    wanted = [one for one in CONTESTANTS if not quick or one.label in QUICK]
    return [setting | {"method": one.label} | _row(one, challenge, truth) for one in wanted]


def _row(contestant: Contestant, challenge: Challenge, truth: Derivative) -> dict[str, Any]:
    theta = jnp.zeros(challenge.size, jnp.float64)
    lower = challenge.lower(theta)
    solver = contestant.solver(lower, challenge.smooth)
    row: dict[str, Any] = {"rule": repr(contestant.method), "solver": repr(solver)}
    reason = solver.supports(lower) or contestant.method.supports(solver, lower)
    if reason is not None:
        return row | {"status": Status.NOT_SUPPORTED.value, "reason": reason}
    try:
        gradient, solution, backward = jax.device_get(_differentiate(contestant, challenge, solver))
        again = _asked_again(contestant, challenge, solver)
    except Exception as error:  # a contender's own refusal is a row
        return row | {"status": Status.FAILED.value, "reason": failure_of(error)}
    looks = {"change": None if again is None else _number(change(challenge, solution, gradient, again))}
    dependent = count_dependent_rows(lower, solver, solution)
    return row | _errors(gradient, truth) | _account(solution, backward, dependent) | looks


def _asked_again(contestant: Contestant, challenge: Challenge, solver: Solver) -> np.ndarray | None:
    """Return the gradient of a second look; rules that have an account of their tape need none."""
    if isinstance(contestant.method, TapedMethod):
        return None
    return jax.device_get(_differentiate(contestant, asked_again(challenge), solver)[0])


def _differentiate(
    contestant: Contestant, challenge: Challenge, solver: Solver
) -> tuple[Array, Solution, Backward]:
    """Return the hypergradient by theta, the solution, and what the backward pass knows of itself."""
    theta, budget = jnp.zeros(challenge.size, jnp.float64), challenge.budget
    family = Family(challenge.family, challenge.dtype)
    if isinstance(contestant.method, AdjointMethod):
        solution = _solved(family, solver, budget, challenge.size)
        cotangent = jax.grad(challenge.loss)(solution.x)
        curvature = jnp.asarray(2 * challenge.scale / solution.x.size, cotangent.dtype)
        pulling = _pulling(family, solver, contestant.method)
        gradient, backward = pulling(theta, solution, cotangent, curvature)
        return gradient, solution, backward
    if contestant.method.traits.uses_every_step:
        budget = Budget(challenge.steps, budget.tolerance, budget.check_every)
    scale = jnp.asarray(challenge.scale, challenge.dtype)
    target = challenge.target.astype(challenge.dtype)
    given = theta, scale, target
    gradient, solution = _through(family, solver, contestant.method, budget, challenge.see)(*given)
    if not isinstance(contestant.method, TapedMethod):
        return gradient, solution, Backward()
    return gradient, solution, _taped(family, solver, contestant.method, budget, challenge.see)(*given)


# Problems that differ in their loss or their budget share a family, and so these programs.


def _forget() -> None:
    """Drop the programs of other families: hundreds of them exhaust the memory that code may take."""
    for cached in (_solved, _pulling, _through, _taped):
        cached.cache_clear()
    jax.clear_caches()


@functools.cache
def _solved(family: Family, solver: Solver, budget: Budget, size: int) -> Solution:
    return jax.jit(lambda theta: solve(solver, budget, family(theta)))(jnp.zeros(size))


@functools.cache
def _pulling(
    family: Family, solver: Solver, method: AdjointMethod
) -> Callable[[Array, Solution, Array, Array], tuple[Array, Backward]]:
    def compute(
        theta: Array, solution: Solution, cotangent: Array, curvature: Array
    ) -> tuple[Array, Backward]:
        lower, pull = jax.vjp(family, theta)
        gradient, backward = method.backward(solver, Budget(), lower, solution, cotangent)
        if method.traits.adjoint_of_energy and not no_error_bound(lower):
            bound = _relative_bound(lower, solution.x, cotangent, backward.adjoint, curvature, gradient)
            backward = backward._replace(error_bound=bound)
        return pull(gradient)[0], backward._replace(adjoint=None)

    return jax.jit(compute)


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
    family: Family, solver: Solver, method: Method, budget: Budget, see: See
) -> Callable[[Array, Array, Array], tuple[Array, Solution]]:
    def loss(theta: Array, scale: Array, target: Array) -> tuple[Array, Solution]:
        solution = method(solver, budget, family(theta))
        return scale * jnp.mean(jnp.square(see(solution.x) - target)), solution

    return jax.jit(jax.grad(loss, has_aux=True))


@functools.cache
def _taped(
    family: Family, solver: Solver, method: TapedMethod, budget: Budget, see: See
) -> Callable[[Array, Array, Array], Backward]:
    def account(theta: Array, scale: Array, target: Array) -> Backward:
        def outer(x: Array) -> Array:
            return scale * jnp.mean(jnp.square(see(x) - target))

        return method.account(solver, budget, family(theta), outer)

    return jax.jit(account)


def _errors(gradient: np.ndarray, truth: Derivative) -> dict[str, Any]:
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


def _account(solution: Solution, backward: Backward, dependent: int | None) -> Row:
    status = Status.of(solution.status)
    solved = None if backward.converged is None else bool(backward.converged)
    if status is Status.OK and solved is False:
        status = Status.ADJOINT_MISSED
    certificate = solution.certificate
    size, rank = backward.active_size, backward.active_rank
    return {
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "steps": int(solution.steps),
        "residual": _number(solution.residual),
        "adjoint_residual": _number(backward.residual),
        "adjoint_converged": solved,
        "adjoint_steps": None if backward.steps is None else int(backward.steps),
        "contraction": _number(backward.contraction),
        "error_bound": _number(backward.error_bound),
        "ambiguous": None if certificate is None else int(certificate.ambiguous),
        "undecided": None if backward.undecided is None else int(backward.undecided),
        "certified": None if certificate is None else bool(certificate.certified),
        "dependent_rows": dependent if size is None or rank is None else int(size) - int(rank),
    }


def _number(value: Any) -> float | str | None:
    """Return a number that can be recorded; infinity and NaN as a word."""
    if value is None:
        return None
    return float(value) if np.isfinite(value) else "not finite"
