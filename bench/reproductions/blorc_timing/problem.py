"""The problem of BLORC's timing experiment, and its exact gradient in the paper's projection form."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float64

from ....hypergrad.l1.certified_solution import certified_solution
from ....problems import AnalysisL1, Denoising, Dense, Identity, LowerLevel, PiecewiseConstant, measure
from ....solvers import Budget
from ...measure.untimed import untimed

BUDGET = Budget(max_steps=2000, tolerance=1e-12)
"""Gradient errors stay below 1e-8 at every size; a tolerance of 1e-10 leaves 4e-8 at n = 32."""
THRESHOLD = 1e-6
"""The authors' threshold below which a response counts as zero."""
SEED = 0


class Signal(NamedTuple):
    """One signal: the analysis operator with the weight absorbed, the measurement and the ground truth."""

    W: Float[Array, "n n"]
    y: Float[Array, " n"]
    truth: Float[Array, " n"]


class ExactGradient(NamedTuple):
    """The exact gradient by W, and the active rows of the certified solution it belongs to."""

    gradient: Float64[np.ndarray, "n n"]
    active: Bool[np.ndarray, " n"]


def draw_signal(n: int) -> Signal:
    """Draw the paper's signal of length n: jump probability 0.1, heights in [0, 1), noise 0.05.

    W = 0.1 (I - 11^T / n), n = k.
    """
    truths = PiecewiseConstant(jump_probability=0.1).sample((n,), count=1, seed=SEED)
    _, y = measure(Denoising(noise=0.05), truths, SEED)
    W = 0.1 * (np.eye(n) - np.full((n, n), 1 / n))
    return Signal(jnp.asarray(W), y[0], jnp.asarray(truths[0]))


def lower_level(signal: Signal) -> LowerLevel:
    """Return min_x 1/2 ||x - y||^2 + ||W x||_1."""
    weight = jnp.ones((), signal.y.dtype)
    return LowerLevel(Identity(), signal.y, AnalysisL1(Dense(signal.W), weight))


def exact_gradient(signal: Signal) -> ExactGradient:
    """Return the exact gradient: the theorem on a solution that an active-set solve has certified.

    Raises:
        ValueError: if the solution cannot be certified.
    """

    def certified(signal: Signal) -> tuple[Array, Array, Array]:
        found = certified_solution(lower_level(signal))
        return found.point.x, found.point.active, found.certificate.certified

    x, active, proved = (np.asarray(part) for part in untimed(certified)(signal))
    if not proved:
        raise ValueError("the solution cannot be certified: there is no reference")
    return ExactGradient(gradient_by_theorem(signal, x, active), active)


def gradient_by_theorem(
    signal: Signal, x: Float64[np.ndarray, " n"], active: Bool[np.ndarray, " n"]
) -> Float64[np.ndarray, "n n"]:
    """Return the gradient of the mean squared error by W in numpy, from an SVD of the active rows W0.

    With N = I - W0^+ W0, s the signs of the other rows' responses, q = y - W+-^T s and g the gradient of the
    loss by x:

        dW+- = -s (N g)^T,    dW0 = -(W0^+)^T (g q^T + q g^T) N = -(W0^+)^T g (N q)^T - (W0^+)^T q (N g)^T.

    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), theorem on the gradient; the second form of dW0,
    two outer products in place of a matrix product, is ours.
    """
    W, y, truth = (np.asarray(part) for part in signal)
    zero, rest = W[active], W[~active]
    signs = np.sign(rest @ x)
    g = 2 * (x - truth) / x.size
    q = y - rest.T @ signs
    pseudoinverse = np.linalg.pinv(zero)
    projected_g = g - pseudoinverse @ (zero @ g)
    projected_q = q - pseudoinverse @ (zero @ q)
    gradient = np.empty_like(W)
    gradient[~active] = -np.outer(signs, projected_g)
    gradient[active] = -np.outer(pseudoinverse.T @ g, projected_q) - np.outer(
        pseudoinverse.T @ q, projected_g
    )
    return gradient
