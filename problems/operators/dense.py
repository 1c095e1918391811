"""A matrix as an operator on signals."""

from typing import Self

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Float

from ..arrays.normal import normal
from ..values.pytree import pytree
from ..values.validation import require_dimensions, require_finite, require_floating

_SQUARINGS = 4


@pytree
class Dense:
    """Multiply a signal by a matrix: A x = matrix @ x.

    Products run at the highest precision: a GPU's default for float32 (TF32) keeps ten bits, which would
    show as an error of the hypergradient.

    Args:
        matrix: shape (k, n), floating.

    Raises:
        TypeError: if `matrix` is not a floating-point array.
        ValueError: if `matrix` is not a finite matrix, or, when applied, if the signal's length is not n.
    """

    matrix: Float[Array, "k n"]

    def __post_init__(self) -> None:
        require_floating("matrix", self.matrix)
        require_dimensions("matrix", self.matrix, "(k, n)", 2)
        require_finite("matrix", self.matrix)

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make a random matrix with fewer rows than columns for signals (n,), float64."""
        if len(shape) != 1:
            raise ValueError(f"a matrix needs a signal (n,); got shape {shape}")
        return cls(normal((shape[0] // 2 + 1, shape[0]), seed))

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " k"]:
        """Multiply `x`, of shape (n,), by the matrix."""
        self._require_length("signals", x.shape, self.matrix.shape[1])
        return jnp.matmul(self.matrix, x, precision=Precision.HIGHEST)

    def adjoint(self, r: Float[Array, " k"]) -> Float[Array, " n"]:
        """Multiply `r`, of shape (k,), by the transposed matrix."""
        self._require_length("the range", r.shape, self.matrix.shape[0])
        return jnp.matmul(r, self.matrix, precision=Precision.HIGHEST)

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the squared norm by ||G^16||_F^(1/16), G the smaller Gram matrix.

        At most a factor k^(1/32) above the largest eigenvalue: 1.19 for 256 rows. Four squarings are several
        times faster than an eigenvalue solver, whose threads can stall for a second on a busy machine.
        """
        del shape
        return _squared_norm(self.matrix)

    def _require_length(self, what: str, shape: tuple[int, ...], length: int) -> None:
        if tuple(shape) != (length,):
            raise ValueError(
                f"a matrix of shape {tuple(self.matrix.shape)} needs {what} of shape ({length},); "
                f"got {tuple(shape)}"
            )


@jax.jit  # a program asks for it dozens of times: traced once
def _squared_norm(matrix: Float[Array, "k n"]) -> Float[Array, ""]:
    largest = jnp.max(jnp.abs(matrix))
    scale = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    tall = (matrix.T if matrix.shape[0] < matrix.shape[1] else matrix) / scale
    power = jnp.matmul(tall.T, tall, precision=Precision.HIGHEST)
    bound = jnp.square(scale)
    for squarings in range(_SQUARINGS + 1):
        norm = jnp.sqrt(jnp.sum(jnp.square(power)))
        bound = bound * norm ** (0.5**squarings)
        # Normalised, or the powers would overflow.
        power = power / jnp.where(norm > 0, norm, jnp.ones_like(norm))
        if squarings < _SQUARINGS:
            power = jnp.matmul(power, power, precision=Precision.HIGHEST)
    return bound
