"""The identity operator, for denoising."""

from jaxtyping import Array, Float

from ..values.pytree import pytree


@pytree
class Identity:
    """Map a signal or image to itself: A x = x."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return `x`."""
        return x

    def adjoint(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return `r`."""
        return r

    def squared_norm(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def smallest_square(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return r / (1 + tau)."""
        return r / (1 + tau)
