"""A matrix as an operator on signals."""

import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Float

from .pytree import pytree
from .validation import require_dimensions, require_finite, require_floating


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

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " k"]:
        """Multiply `x`, of shape (n,), by the matrix."""
        self._require_length("signals", x.shape, self.matrix.shape[1])
        return jnp.matmul(self.matrix, x, precision=Precision.HIGHEST)

    def adjoint(self, r: Float[Array, " k"]) -> Float[Array, " n"]:
        """Multiply `r`, of shape (k,), by the transposed matrix."""
        self._require_length("the range", r.shape, self.matrix.shape[0])
        return jnp.matmul(r, self.matrix, precision=Precision.HIGHEST)

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the largest eigenvalue of the smaller of the two Gram matrices: exact."""
        del shape
        wide = self.matrix.shape[0] < self.matrix.shape[1]
        tall = self.matrix.T if wide else self.matrix
        return jnp.linalg.eigvalsh(jnp.matmul(tall.T, tall, precision=Precision.HIGHEST))[-1]

    def _require_length(self, what: str, shape: tuple[int, ...], length: int) -> None:
        if tuple(shape) != (length,):
            raise ValueError(
                f"a matrix of shape {tuple(self.matrix.shape)} needs {what} of shape ({length},); "
                f"got {tuple(shape)}"
            )
