"""What a regulariser offers whose hypergradient's error can be bounded."""

from typing import Protocol, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class Sensitivity(Protocol):
    """Bounds of how a smooth convex regulariser's derivatives vary over a ball around one point.

    All are upper bounds over every x' with ||x' - x|| <= radius, scalars; the norm of a cotangent of the
    parameters is that of all their entries together.
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
        """Return None if it is convex and its bounds are known, else a sentence that says what is missing."""
        ...

    def sensitivity(self, x: Float[Array, "..."], radius: Float[Array, ""]) -> Sensitivity:
        """Return the bounds over the ball around x."""
        ...


@runtime_checkable
class InjectiveOperator(Protocol):
    """A linear operator with a bound of its smallest singular value from below."""

    def smallest_square(self, shape: tuple[int, ...]) -> Float[Array, ""] | float:
        """Bound the smallest squared singular value from below, for inputs of this shape."""
        ...
