"""A dense active-set polish of an l1 solution, which proves or disproves what it returns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import analysis_regularizer
from .analysis_pairing import ActiveSet

MAX_POLISH_STEPS = 30
CERTIFICATE = 1e-9


class CertifiedL1(NamedTuple):
    """A polished primal-dual pair and whether it is optimal.

    Attributes:
        point: x, u and the active rows.
        violation: the largest relative violation of stationarity, dual feasibility and sign agreement.
        certified: whether that is at most 1e-9 and the active set reproduced itself.
    """

    point: ActiveSet
    violation: Float[Array, ""]
    certified: Bool[Array, ""]


def certify_l1(lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "..."]) -> CertifiedL1:
    """Polish (x, u) by a primal-dual active-set iteration and check the optimality conditions afresh.

    Guess the active rows from |u + W x| < weight, solve the optimality system with those rows held at zero,
    repeat until the guess reproduces itself. Dense: memory (n + k)^2, time (n + k)^3 a step. Starts must be
    close, there is no safeguard. Source: Hintermueller, Ito and Kunisch, 2003.

    Args:
        lower: l1 problem, any A, float64.
        x: nearly optimal signal.
        u: its dual variable, shape of W x.
    """
    regularizer = analysis_regularizer(lower)
    W = operator_matrix(regularizer.W, x.shape)
    A = operator_matrix(lower.A, x.shape)
    weight = regularizer.weight_like(u).ravel()
    rhs = lower.A.adjoint(lower.y).ravel()

    def guess(x: Array, u: Array) -> tuple[Array, Array]:
        shifted = u + W @ x
        active = jnp.abs(shifted) <= weight
        return active, jnp.where(active, jnp.zeros_like(shifted), jnp.sign(shifted))

    def advance(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        x, u, active, signs, _, steps = carry
        x, u = solve_active(A, W, active, rhs, weight * signs)
        next_active, next_signs = guess(x, u)
        moved = jnp.any((next_active != active) | (next_signs != signs))
        return x, u, next_active, next_signs, moved, steps + 1

    def running(carry: tuple[Array, ...]) -> Array:
        return carry[4] & (carry[5] < MAX_POLISH_STEPS)

    start = (x.ravel(), u.ravel(), *guess(x.ravel(), u.ravel()), jnp.asarray(True), jnp.zeros((), jnp.int32))
    x_flat, u_flat, active, signs, moved, _ = jax.lax.while_loop(running, advance, start)
    violation = _violation(A, W, x_flat, u_flat, weight, rhs, active, signs)
    point = ActiveSet(x_flat.reshape(x.shape), u_flat.reshape(u.shape), active.reshape(u.shape))
    return CertifiedL1(point, violation, ~moved & (violation <= CERTIFICATE))


def solve_active(
    A: Float[Array, "m n"],
    W: Float[Array, "k n"],
    active: Bool[Array, " k"],
    rhs: Float[Array, " n"],
    inactive_dual: Float[Array, " k"],
) -> tuple[Float[Array, " n"], Float[Array, " k"]]:
    """Solve  A^T A x + W0^T u0 = rhs - W^T inactive_dual,  W0 x = 0,  by LU; return x and the full u."""
    rows = jnp.where(active[:, None], W, jnp.zeros_like(W))
    inactive = jnp.diag(jnp.where(active, 0.0, 1.0))
    system = jnp.block([[A.T @ A, rows.T], [rows, inactive]])
    right = jnp.concatenate([rhs - W.T @ inactive_dual, jnp.zeros(W.shape[:1], W.dtype)])
    solution = jnp.linalg.solve(system, right)
    x, u = solution[: rhs.size], solution[rhs.size :]
    return x, jnp.where(active, u, inactive_dual)


def operator_matrix(operator: object, shape: tuple[int, ...]) -> Float[Array, "m n"]:
    """Build the matrix of a linear operator on signals of this shape, column by column."""
    size = 1
    for length in shape:
        size *= length
    basis = jnp.eye(size, dtype=jnp.float64).reshape(size, *shape)
    return jax.vmap(operator)(basis).reshape(size, -1).T  # pyright: ignore


def _violation(
    A: Array, W: Array, x: Array, u: Array, weight: Array, rhs: Array, active: Array, signs: Array
) -> Array:
    scale = jnp.max(jnp.abs(rhs)) + jnp.max(weight)
    stationarity = jnp.max(jnp.abs(A.T @ (A @ x) - rhs + W.T @ u)) / scale
    responses = W @ x
    dual = jnp.max(jnp.abs(u) - weight) / scale
    wrong_sign = jnp.max(jnp.where(active, jnp.abs(responses), -signs * responses)) / scale
    # NaN from a singular system must not pass as a small violation.
    worst = jnp.maximum(jnp.maximum(stationarity, dual), wrong_sign)
    return jnp.where(jnp.isfinite(worst), worst, jnp.inf)
