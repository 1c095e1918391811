"""l1 denoising in numpy alone: an exact solve, its optimality check, and the gradient in projection form."""

from typing import NamedTuple

import numpy as np


class Solved(NamedTuple):
    """A primal-dual pair with its active rows (|u_i| < weight_i)."""

    x: np.ndarray
    u: np.ndarray
    active: np.ndarray


class Gradients(NamedTuple):
    """The gradient by every leaf."""

    W: np.ndarray
    weight: np.ndarray
    y: np.ndarray


def solve_by_hand(
    W: np.ndarray, weight: np.ndarray, y: np.ndarray, start: np.ndarray | None = None
) -> Solved:
    """Solve min_x 1/2 ||x - y||^2 + sum_i weight_i |w_i x| by active sets on the dual; fail unless optimal.

    The free dual variables solve W0 W0^T u0 = W0 (y - W+-^T u+-); u_i + w_i x says which rows are free next.
    """
    weight = np.broadcast_to(weight, W.shape[:1])
    shifted = np.linalg.lstsq(W.T, y, rcond=None)[0] if start is None else start + W @ (y - W.T @ start)
    pattern, active, x, u = None, np.zeros(weight.shape, bool), y, shifted
    for _ in range(200):
        guess = np.where(np.abs(shifted) <= weight, 0.0, np.sign(shifted))
        if pattern is not None and np.array_equal(guess, pattern):
            break
        pattern, active = guess, guess == 0
        u = weight * pattern
        orthonormal, triangular = np.linalg.qr(W[active].T)
        u[active] = np.linalg.solve(triangular, orthonormal.T @ (y - W[~active].T @ u[~active]))
        x = y - W.T @ u
        shifted = u + W @ x
    optimal_by_hand(W, weight, y, x, u)
    return Solved(x, u, active)


def optimal_by_hand(W: np.ndarray, weight: np.ndarray, y: np.ndarray, x: np.ndarray, u: np.ndarray) -> None:
    """Assert stationarity, dual feasibility, and that u attains the norm of every response."""
    responses = W @ x
    assert np.abs(x - y + W.T @ u).max() <= 1e-12
    assert np.all(np.abs(u) <= weight + 1e-12)
    assert np.abs(weight * np.abs(responses) - u * responses).max() <= 1e-12


def gradients_by_hand(
    W: np.ndarray, weight: np.ndarray, y: np.ndarray, solved: Solved, g: np.ndarray
) -> Gradients:
    """Differentiate x* in the explicit projection form, with the weight absorbed in the rows of W.

    With V = diag(weight) W, N = I - V0^+ V0, q = y - V+-^T s:  x* = N q,  dV+- = -s (N g)^T,
    dV0 = -(V0^+)^T (g q^T + q g^T) N,  dy = N g;  then dW = weight dV and dweight_i = <dV_i, w_i>.
    Source: McCann and Ravishankar, 2020 and 2021 (BLORC).
    """
    scaled = np.broadcast_to(weight, W.shape[:1])[:, None] * W
    zero, rest = scaled[solved.active], scaled[~solved.active]
    signs = np.sign(rest @ solved.x)
    pseudoinverse = np.linalg.pinv(zero)
    null = np.eye(y.size) - pseudoinverse @ zero
    q = y - rest.T @ signs
    np.testing.assert_allclose(null @ q, solved.x, atol=1e-11)
    d_scaled = np.empty_like(W)
    d_scaled[~solved.active] = -np.outer(signs, null @ g)
    d_scaled[solved.active] = -pseudoinverse.T @ (np.outer(g, q) + np.outer(q, g)) @ null
    by_row = np.sum(d_scaled * W, axis=1)
    d_weight = by_row if np.ndim(weight) else np.sum(by_row)
    return Gradients((np.broadcast_to(weight, W.shape[:1])[:, None]) * d_scaled, d_weight, null @ g)
