"""Conformance of linear solvers."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...solvers.linear_solver import LinearSolution, LinearSolver
from .compiled import Compiled
from .finding import Finding, bounded, distance
from .operators import normal

SHAPE = (3, 4)
TOLERANCES = {"float64": 1e-8, "float32": 1e-3}
TINY = 1e-25
"""Of the size of a cotangent late in a training run: a stopping rule must be relative."""


def check_linear_solver(subject: str, linear: LinearSolver) -> Iterator[Finding]:
    """Check a linear solver on a well-conditioned symmetric positive definite system of twelve unknowns."""
    matrix, rhs = _system()
    expected = np.linalg.solve(np.asarray(matrix), np.asarray(rhs).ravel()).reshape(SHAPE)
    for dtype, tolerance in TOLERANCES.items():
        program = Compiled(_solve)
        found = program((linear,), (matrix.astype(dtype), rhs.astype(dtype)))
        yield bounded(subject, f"solution, {dtype}", distance(found.value, expected), tolerance)
        yield bounded(
            subject, f"honest residual, {dtype}", abs(found.residual - _residual(found, dtype)), tolerance
        )
        kept = found.value.dtype == found.residual.dtype == dtype
        yield Finding(subject, f"keeps {dtype}", kept, f"{found.value.dtype} and {found.residual.dtype}")
        if dtype == "float64":
            yield from _check_extremes(subject, linear, program)


def _check_extremes(subject: str, linear: LinearSolver, program: Compiled) -> Iterator[Finding]:
    matrix, rhs = _system()
    full = program((linear,), (matrix, rhs))
    tiny = program((linear,), (matrix, TINY * rhs))
    tolerance = TOLERANCES["float64"]
    yield bounded(
        subject, "scales with a tiny right-hand side", distance(tiny.value / TINY, full.value), tolerance
    )
    zero = program((linear,), (matrix, jnp.zeros_like(rhs)))
    yield bounded(subject, "zero gives zero", jnp.max(jnp.abs(zero.value)), 0.0)
    yield Finding(subject, "one trace", program.traces == 1, f"three solves made {program.traces} traces")
    eager = _solve(linear, (matrix, rhs))
    yield bounded(subject, "jit changes nothing", distance(eager.value, full.value), tolerance)
    batch = jax.vmap(lambda one: _solve(linear, (matrix, one)).value)(jnp.stack([rhs, TINY * rhs, 3 * rhs]))
    loop = jnp.stack([full.value, tiny.value, 3 * full.value])
    # Each member by itself, so that the tiny one counts.
    worst = max(distance(one, other) for one, other in zip(batch, loop, strict=True))
    yield bounded(subject, "vmap equals a loop", worst, tolerance)


def _system() -> tuple[Float[Array, "n n"], Float[Array, "h w"]]:
    size = int(np.prod(SHAPE))
    square = normal((size, size), 3)
    return square @ square.T / size + jnp.eye(size), normal(SHAPE, 4)


def _solve(linear: LinearSolver, system: tuple[Array, Array]) -> LinearSolution:
    matrix, rhs = system
    return linear.solve_linear(lambda v: (matrix @ v.ravel()).reshape(v.shape), rhs)


def _residual(found: LinearSolution, dtype: str) -> Float[Array, ""]:
    matrix, rhs = (one.astype(dtype) for one in _system())
    left = (matrix @ found.value.ravel()).reshape(SHAPE) - rhs
    return jnp.linalg.norm(left.ravel()) / jnp.linalg.norm(rhs.ravel())
