"""Conformance of linear solvers."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problems.arrays.normal import normal
from ...solvers.linear.linear_solver import LinearSolution, LinearSolver
from .compiled import Compiled
from .finding import Finding, bounded, distance

SHAPE = (3, 4)
TOLERANCES = {"float64": 1e-8, "float32": 1e-3}
TINY = 1e-25
"""Of the size of a cotangent late in a training run: a stopping rule must be relative."""
CONTRACTION = 0.7
"""Norm of I - H of the nonsymmetric system: fixed-point iterations converge on it."""


class System(NamedTuple):
    """A linear system with a guess of its solution and an approximation of its inverse; None for neither."""

    matrix: Float[Array, "n n"]
    rhs: Float[Array, "h w"]
    start: Float[Array, "h w"] | None = None
    inverse: Float[Array, "n n"] | None = None


def check_linear_solver(subject: str, linear: LinearSolver) -> Iterator[Finding]:
    """Check a linear solver on systems of twelve unknowns on which fixed-point iterations converge.

    One is symmetric positive definite with its spectrum in (0, 1]; one, for solvers that are not
    `symmetric_only` by their traits, is the identity less a multiple of an orthogonal matrix. Of a solver
    that is not `exact` only the form is checked, not the solution.
    """
    exact = linear.traits.exact
    system = _symmetric()
    for dtype, tolerance in TOLERANCES.items():
        program = Compiled(_solve)
        found = program((linear,), _cast(system, dtype))
        if exact:
            yield bounded(subject, f"solution, {dtype}", distance(found.value, _solution(system)), tolerance)
        honest = abs(found.residual - _residual(system, found, dtype))
        yield bounded(subject, f"honest residual, {dtype}", honest, tolerance)
        kept = found.value.dtype == found.residual.dtype == dtype
        yield Finding(subject, f"keeps {dtype}", kept, f"{found.value.dtype} and {found.residual.dtype}")
        if dtype == "float64":
            yield from _check_extremes(subject, linear, program)
            if exact:
                yield from _check_hints(subject, linear, int(found.steps))
                yield from _check_nonsymmetric(subject, linear, program)


def _check_nonsymmetric(subject: str, linear: LinearSolver, program: Compiled) -> Iterator[Finding]:
    if linear.traits.symmetric_only:
        return
    found = program((linear,), _nonsymmetric())
    error = distance(found.value, _solution(_nonsymmetric()))
    yield bounded(subject, "nonsymmetric system", error, TOLERANCES["float64"])


def _check_extremes(subject: str, linear: LinearSolver, program: Compiled) -> Iterator[Finding]:
    system = _symmetric()
    matrix, rhs = system.matrix, system.rhs
    full = program((linear,), system)
    tiny = program((linear,), system._replace(rhs=TINY * rhs))
    tolerance = TOLERANCES["float64"]
    yield bounded(
        subject, "scales with a tiny right-hand side", distance(tiny.value / TINY, full.value), tolerance
    )
    zero = program((linear,), system._replace(rhs=jnp.zeros_like(rhs)))
    yield bounded(subject, "zero gives zero", jnp.max(jnp.abs(zero.value)), 0.0)
    yield Finding(subject, "one trace", program.traces == 1, f"three solves made {program.traces} traces")
    eager = _solve(linear, system)
    yield bounded(subject, "jit changes nothing", distance(eager.value, full.value), tolerance)
    batch = jax.vmap(lambda one: _solve(linear, System(matrix, one)).value)(
        jnp.stack([rhs, TINY * rhs, 3 * rhs])
    )
    loop = jnp.stack([full.value, tiny.value, 3 * full.value])
    # Each member by itself, so that the tiny one counts.
    worst = max(distance(one, other) for one, other in zip(batch, loop, strict=True))
    yield bounded(subject, "vmap equals a loop", worst, tolerance)


def _check_hints(subject: str, linear: LinearSolver, plain: int) -> Iterator[Finding]:
    """Check that a guess and a preconditioner leave the solution as it is, and cost no step."""
    # One program for all: no guess is zero, and no preconditioner the identity.
    program = Compiled(_solve)
    system = _symmetric()
    system = system._replace(start=jnp.zeros(SHAPE), inverse=jnp.eye(len(system.matrix)))
    solution = _solution(system)
    hints = {
        "start far away": system._replace(start=100 * normal(SHAPE, 5)),
        "start at the solution": system._replace(start=jnp.asarray(solution)),
        "preconditioner": system._replace(inverse=_nearly_inverse(system)),
    }
    for name, hinted in hints.items():
        found = program((linear,), hinted)
        yield bounded(subject, name, distance(found.value, solution), TOLERANCES["float64"])
        if name != "start far away":
            detail = f"{found.steps} steps with it, {plain} without"
            yield Finding(subject, f"{name} costs no step", int(found.steps) <= plain, detail)


def _symmetric() -> System:
    size = int(np.prod(SHAPE))
    square = normal((size, size), 3)
    matrix = square @ square.T / size + jnp.eye(size)
    return System(matrix / np.linalg.norm(matrix, 2), normal(SHAPE, 4))


def _nonsymmetric() -> System:
    size = int(np.prod(SHAPE))
    orthogonal = np.linalg.qr(np.asarray(normal((size, size), 3)))[0]
    return System(jnp.eye(size) - CONTRACTION * jnp.asarray(orthogonal), normal(SHAPE, 4))


def _nearly_inverse(system: System) -> Float[Array, "n n"]:
    """Return a symmetric positive definite matrix whose product with the system's is between 1/2 and 1."""
    lowest = np.linalg.eigvalsh(np.asarray(system.matrix))[0]
    return jnp.linalg.inv(system.matrix + lowest * jnp.eye(len(system.matrix)))


def _solution(system: System) -> np.ndarray:
    return np.linalg.solve(np.asarray(system.matrix), np.ravel(system.rhs)).reshape(SHAPE)


def _cast(system: System, dtype: str) -> System:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), system)


def _solve(linear: LinearSolver, system: System) -> LinearSolution:
    inverse = system.inverse
    return linear.solve_linear(
        lambda v: (system.matrix @ v.ravel()).reshape(v.shape),
        system.rhs,
        start=system.start,
        preconditioner=None if inverse is None else lambda v: (inverse @ v.ravel()).reshape(v.shape),
    )


def _residual(system: System, found: LinearSolution, dtype: str) -> Float[Array, ""]:
    matrix, rhs, _, _ = _cast(system, dtype)
    left = (matrix @ found.value.ravel()).reshape(SHAPE) - rhs
    return jnp.linalg.norm(left.ravel()) / jnp.linalg.norm(rhs.ravel())
