"""A quadratic lower level whose solution, loss, hypergradient and best weights have closed forms."""

from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from hypergrad_bench.hypergrad import UpperProblem
from hypergrad_bench.problems import Identity, pytree

PAIRS, SIZE = 4, 6
FLAT = 5
"""The entry whose best weight is zero: without the range it would be negative."""


class DiagonalSensitivity(NamedTuple):
    """The Hessian diag(weights) is the same everywhere, and the derivative by the weights is diag(x)."""

    x: Float[Array, " n"]
    radius: Float[Array, ""]

    def hessian_change(self, v: Float[Array, " n"]) -> Float[Array, ""]:
        return jnp.zeros((), v.dtype)

    def mixed_change(self, v: Float[Array, " n"]) -> Float[Array, ""]:
        return self.radius * jnp.max(jnp.abs(v))

    def mixed_norm(self) -> Float[Array, ""]:
        return jnp.max(jnp.abs(self.x)) + self.radius


@pytree
class DiagonalQuadratic:
    """R(x) = 1/2 sum_i weights_i x_i^2, weights not negative."""

    weights: Float[Array, " n"]

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        return cls(jnp.full(shape, 1.0 + seed))

    @property
    def convex(self) -> bool:
        return True

    def value(self, x: Float[Array, " n"]) -> Float[Array, ""]:
        return 0.5 * jnp.sum(self.weights * jnp.square(x))

    def gradient(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.weights * x

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        return jax.lax.stop_gradient(jnp.max(jnp.abs(self.weights)))

    def in_range(self) -> Bool[Array, ""]:
        return jnp.all(self.weights >= 0)

    def nearest_in_range(self) -> "DiagonalQuadratic":
        return DiagonalQuadratic(jnp.maximum(self.weights, 0))

    def no_sensitivity(self) -> str | None:
        return None

    def sensitivity(self, x: Float[Array, " n"], radius: Float[Array, ""]) -> DiagonalSensitivity:
        return DiagonalSensitivity(x, radius)


def problem() -> UpperProblem:
    """Pairs whose regression coefficients lie between 0.6 and 1, but for one that is above 1."""
    generator = np.random.default_rng(3)
    y = generator.uniform(0.5, 1.5, size=(PAIRS, SIZE))
    noise = 0.1 * generator.normal(size=y.shape)
    noise -= y * np.sum(noise * y, axis=0) / np.sum(y * y, axis=0)
    shares = np.linspace(0.6, 0.95, SIZE)
    shares[FLAT] = 1.2
    return UpperProblem(Identity(), jnp.asarray(y), jnp.asarray(shares * y + noise))


def solutions(problem: UpperProblem, weights: np.ndarray) -> np.ndarray:
    """x* = y / (1 + weights) of every pair."""
    return np.asarray(problem.y) / (1 + np.asarray(weights))


def true_loss(problem: UpperProblem, weights: np.ndarray) -> float:
    """The mean squared error at the exact solutions."""
    return float(np.mean(np.square(solutions(problem, weights) - np.asarray(problem.truth))))


def true_gradient(problem: UpperProblem, weights: np.ndarray) -> np.ndarray:
    """Its derivative by the weights."""
    x = solutions(problem, weights)
    return np.mean(-2 / SIZE * (x - np.asarray(problem.truth)) * x / (1 + np.asarray(weights)), axis=0)


def best_weights(problem: UpperProblem) -> np.ndarray:
    """One over each entry's regression coefficient, less one, and not negative."""
    y, truth = np.asarray(problem.y), np.asarray(problem.truth)
    return np.maximum(np.sum(y * y, axis=0) / np.sum(y * truth, axis=0) - 1, 0)
