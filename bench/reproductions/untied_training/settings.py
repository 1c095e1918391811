"""The settings that are trained: a small part of the authors' grid on digits, and their faces."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems import Blur, Identity, LogCosh, Mask, UntiedExperts
from ....problems.linear_operator import LinearOperator
from ....solvers import Anderson, AndersonRichardson, Budget, Picard, Richardson
from .dense_experts import DenseExperts
from .equilibrium import EquilibriumModel, SharedWeights, Ways

DTYPE = jnp.float32
"""Of weights and images; the authors' too."""
DENOISING, INPAINTING, DEBLURRING = "denoising", "inpainting", "deblurring"
MISSING_ROWS, SIDE, BLUR = 10, 28, 5
LAMBDA, FACE_STEP, STEEPNESS = 18.156, 1 / 800, 100.0
"""Of the authors' denoising of faces: the weight of the data, tau, and the steepness of tanh."""
TOLERANCE, MOST_STEPS, MOST_TEST_STEPS, EVERY = 1e-3, 50, 200, 5
"""Relative residual, iterations at most in training and in evaluation, and between two looks at it."""

ANDERSON = Anderson(memory=5, ridge=1e-4)
TRAINING = Ways(ANDERSON, Budget(MOST_STEPS, TOLERANCE, EVERY), AndersonRichardson(5, MOST_STEPS, TOLERANCE))
EVALUATION = TRAINING._replace(budget=Budget(MOST_TEST_STEPS, TOLERANCE, EVERY))
PLAIN = Ways(Picard(), Budget(MOST_TEST_STEPS, TOLERANCE, EVERY), Richardson(MOST_TEST_STEPS, TOLERANCE))
"""Without acceleration: whether the map itself contracts."""


@dataclass(frozen=True)
class MatrixExperts:
    """gamma C^T max(A x + b, 0) with matrices."""

    def regularizer(self, weights: SharedWeights, gamma: Float[Array, ""]) -> DenseExperts:
        """Return it."""
        return DenseExperts(weights.analysis, weights.mapping_back, weights.biases, gamma)


@dataclass(frozen=True)
class FilterExperts:
    """gamma C^T tanh(100 (A x + b)) with filters and a border of zeros; gamma is multiplied by 100 here."""

    def regularizer(self, weights: SharedWeights, gamma: Float[Array, ""]) -> UntiedExperts:
        """Return it: the derivative of `LogCosh` is tanh(100 t) / 100."""
        strength = STEEPNESS * gamma * jnp.ones_like(weights.biases)
        bend = LogCosh(1 / STEEPNESS)
        return UntiedExperts(weights.analysis, weights.mapping_back, strength, weights.biases, bend, "zero")


@dataclass(frozen=True)
class DigitSetting:
    """What is restored with how much noise, and the map that does it."""

    task: str
    noise: float
    tau: float
    gamma: float

    @property
    def name(self) -> str:
        """All of it in words."""
        return f"matrices, {self.task}, noise {self.noise:g}, tau {self.tau:g}, gamma {self.gamma:g}"

    def model(self, ways: Ways = TRAINING) -> EquilibriumModel:
        """Return the model without its weights."""
        gamma, tau = jnp.asarray(self.gamma, DTYPE), jnp.asarray(self.tau, DTYPE)
        return EquilibriumModel(operator_of(self.task), gamma, tau, MatrixExperts(), ways)


@dataclass(frozen=True)
class FaceSetting:
    """Denoising of faces with so many filters of so many pixels along each side."""

    filters: int
    side: int
    noise: float = 0.1

    @property
    def name(self) -> str:
        """The filters and the noise."""
        return f"{self.filters} filters {self.side} x {self.side}, denoising, noise {self.noise:g}"

    @property
    def task(self) -> str:
        """Denoising."""
        return DENOISING

    @property
    def tau(self) -> float:
        """The authors' tau times their weight lambda of the data, which is one in a lower level here."""
        return FACE_STEP * LAMBDA

    @property
    def gamma(self) -> float:
        """One over lambda."""
        return 1 / LAMBDA

    def model(self, ways: Ways = TRAINING) -> EquilibriumModel:
        """Return the model without its weights."""
        gamma, tau = jnp.asarray(self.gamma, DTYPE), jnp.asarray(self.tau, DTYPE)
        return EquilibriumModel(operator_of(DENOISING), gamma, tau, FilterExperts(), ways)


TrainedSetting = DigitSetting | FaceSetting


def operator_of(task: str) -> LinearOperator:
    """Return K: the identity, a mask without the upper ten of 28 rows, or a blur along a diagonal."""
    if task == DENOISING:
        return Identity()
    if task == DEBLURRING:
        return Blur(jnp.asarray(np.eye(BLUR) / BLUR, DTYPE))
    known = np.ones((SIDE, SIDE))
    known[:MISSING_ROWS] = 0
    return Mask(jnp.asarray(known, DTYPE))


BASE = DigitSetting(DENOISING, 0.1, 0.9, 0.5)
