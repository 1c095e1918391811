"""Experts with matrices: an operator without an energy unless both matrices are one."""

from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float, Float64

from ....problems.values.pytree import pytree
from ....problems.values.validation import require_dimensions, require_floating


@pytree
class DenseExperts:
    """Multiply by a matrix, cut off what is negative, multiply back: gamma C^T max(A x + b, 0).

    With C = A it is the gradient of the convex energy gamma / 2 sum_i max((A x + b)_i, 0)^2; otherwise there
    is none. Images are taken as vectors.
    Source: Riccio, Ehrhardt and Benning, 2022 (their experiment on digits).

    Args:
        analysis: A, shape (k, n).
        synthesis: C, shape (k, n).
        biases: b, shape (k,).
        gamma: a number that is not learned.

    Raises:
        TypeError: if an array is not floating.
        ValueError: if the shapes do not fit together.
    """

    analysis: Float[Array, "k n"]
    synthesis: Float[Array, "k n"]
    biases: Float[Array, " k"]
    gamma: Float[Array, ""]

    def __post_init__(self) -> None:
        for name in ("analysis", "synthesis", "biases", "gamma"):
            require_floating(name, getattr(self, name))
        require_dimensions("analysis", self.analysis, "(k, n)", 2)
        shapes = tuple(self.synthesis.shape), tuple(self.biases.shape)
        if shapes != (tuple(self.analysis.shape), self.analysis.shape[:1]):
            raise ValueError(
                f"analysis of shape {tuple(self.analysis.shape)} needs a synthesis of that shape and one "
                f"bias a row; got {shapes[0]} and {shapes[1]}"
            )

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from one random matrix, its entries below 1/sqrt(n), for images of n pixels, float64."""
        analysis, biases = (jnp.asarray(one) for one in random_matrix(int(np.prod(shape)), seed))
        return cls(analysis, analysis, biases, jnp.ones((), jnp.float64))

    def operator(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate gamma C^T max(A x + b, 0)."""
        responses = jax.nn.relu(_product(self.analysis, x.ravel()) + self.biases)
        return self.gamma * _product(responses, self.synthesis).reshape(x.shape)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the Lipschitz constant by Frobenius norms.

        Some ten times too large for random matrices, and computed in no time: tau is given here, and not
        derived from it.
        """
        del shape
        squares = jnp.sum(jnp.square(self.analysis)) * jnp.sum(jnp.square(self.synthesis))
        return jax.lax.stop_gradient(self.gamma * jnp.sqrt(squares))


def random_matrix(length: int, seed: int) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, " n"]]:
    """Draw a square matrix and one bias a row, uniform between -1/sqrt(n) and 1/sqrt(n), n the length.

    The start of a linear layer in PyTorch, in which the authors' code is written.
    """
    generator = np.random.default_rng([seed, 31])
    limit = length**-0.5
    return generator.uniform(-limit, limit, (length, length)), generator.uniform(-limit, limit, length)


def _product(left: Float[Array, "..."], right: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.matmul(left, right, precision=Precision.HIGHEST)
