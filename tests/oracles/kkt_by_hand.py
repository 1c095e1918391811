"""l1 problems with any matrix A in numpy alone: the optimality system of an active set, dense."""

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """Matrices A and W, a measurement, and a weight for every row of W."""

    A: np.ndarray
    W: np.ndarray
    weight: np.ndarray
    y: np.ndarray


class Side(NamedTuple):
    """Which rows are active, and the signs of the others' responses."""

    active: np.ndarray
    signs: np.ndarray


class Gradients(NamedTuple):
    """The gradient by A, W, the weight of every row, and y."""

    A: np.ndarray
    W: np.ndarray
    weight: np.ndarray
    y: np.ndarray


def solve_on(problem: Problem, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Return x and u that solve  A^T(A x - y) + W^T u = 0,  W0 x = 0,  u = weight * sign elsewhere."""
    A, W, weight, y = problem
    fixed = np.where(side.active, 0.0, weight * side.signs)
    v, mu = solve_system(A, W, side.active, A.T @ y - W.T @ fixed)
    return v, np.where(side.active, mu, fixed)


def solve_system(
    A: np.ndarray, W: np.ndarray, active: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve  A^T A v + W0^T mu = top,  W0 v = 0;  mu is zero on the other rows."""
    W0 = W[active]
    count = len(W0)
    system = np.block([[A.T @ A, W0.T], [W0, np.zeros((count, count))]])
    rhs = np.concatenate([top, np.zeros(count)])
    both = np.linalg.solve(system, rhs)
    both = both + np.linalg.solve(system, rhs - system @ both)
    mu = np.zeros(len(W))
    mu[active] = both[top.size :]
    return both[: top.size], mu


def side_of(problem: Problem, x: np.ndarray, u: np.ndarray) -> Side:
    """Tell the active rows of a solution from  |u_i + w_i x| <= weight_i."""
    shifted = u + problem.W @ x
    return Side(np.abs(shifted) <= problem.weight, np.sign(shifted))


def violation(problem: Problem, x: np.ndarray, u: np.ndarray) -> float:
    """Return the largest absolute violation of the optimality conditions."""
    A, W, weight, y = problem
    responses = W @ x
    return max(
        np.abs(A.T @ (A @ x - y) + W.T @ u).max(),
        np.max(np.abs(u) - weight, initial=0.0),
        np.abs(weight * np.abs(responses) - u * responses).max(),
    )


def gradients(problem: Problem, x: np.ndarray, u: np.ndarray, g: np.ndarray) -> Gradients:
    """Differentiate <g, x*>: minus the gradient of  <v, A^T(A x - y)> + <u, W v> + <mu, W x>.

    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), as an adjoint equation.
    """
    A, W, _, y = problem
    side = side_of(problem, x, u)
    v, mu = solve_system(A, W, side.active, g)
    by_weight = np.where(side.active, 0.0, -side.signs * (W @ v))
    return Gradients(
        -np.outer(A @ x - y, v) - np.outer(A @ v, x),
        -np.outer(u, v) - np.outer(mu, x),
        by_weight,
        A @ v,
    )
