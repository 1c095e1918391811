"""What a regulariser has to offer so that the error of a hypergradient can be bounded."""

from typing import Protocol, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class Sensitivity(Protocol):
    """Bound how much the derivatives of a smooth convex regulariser change in a ball around a point x.

    Each method returns a scalar that holds for every x' with ||x' - x|| <= radius. Cotangents of the
    parameters are measured by the Euclidean norm of all their entries together.
    """

    def hessian_change(self, v: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Bound ||(H(x') - H(x)) v||, H the regulariser's Hessian."""
        ...

    def mixed_change(self, v: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Bound ||(J(x') - J(x))^T v||, J the derivative of the gradient by the parameters."""
        ...

    def mixed_norm(self) -> Float[Array, ""]:
        """Bound ||J(x')||."""
        ...


@runtime_checkable
class SensitiveRegularizer(Protocol):
    """A smooth regulariser that can tell its `Sensitivity`."""

    def no_sensitivity(self) -> str | None:
        """Return None if the regulariser is convex and has bounds, else a sentence on what is missing."""
        ...

    def sensitivity(self, x: Float[Array, "..."], radius: Float[Array, ""]) -> Sensitivity:
        """Return the bounds over the ball of this radius around x."""
        ...
