"""The problem of BLORC's timing experiment, and its exact gradient in the paper's projection form."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float64

from ....hypergrad.l1.certified_solution import certified_solution
from ....problems import AnalysisL1, Denoising, Dense, Identity, LowerLevel, PiecewiseConstant, measure
from ....solvers import Budget
from ...measure.untimed import untimed
from ..cvxpy_denoising import gradient_by_projections

BUDGET = Budget(max_steps=2000, tolerance=1e-12)
"""Gradient errors stay below 1e-8 at every size; a tolerance of 1e-10 leaves 4e-8 at n = 32."""
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
    """Return the gradient of the mean squared error by W in numpy, from an SVD of the active rows."""
    W, y, truth = (np.asarray(part) for part in signal)
    return gradient_by_projections(W, y, truth, x, active)
