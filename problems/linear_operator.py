"""What every linear operator offers."""

from typing import Any, Protocol, Self, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class LinearOperator(Protocol):
    """A linear map that is a pytree: its arrays are leaves, and can be differentiated.

    The inner-product identity <A(x), r> = <x, A.adjoint(r)> holds to rounding for every x and r
    (the conformance tests check it).
    """

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Apply the operator."""
        ...

    def adjoint(self, r: Float[Array, "..."]) -> Float[Array, "..."]:
        """Apply the adjoint operator."""
        ...

    def squared_norm(self, shape: tuple[int, ...]) -> Any:
        """Bound the largest squared singular value from above, for inputs of this shape (a scalar)."""
        ...


@runtime_checkable
class ResolvableOperator(LinearOperator, Protocol):
    """A linear operator whose normal equations have a closed form, so that the data term has a prox."""

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return (I + tau A^T A)^{-1} r, tau at least 0."""
        ...


@runtime_checkable
class InjectiveOperator(Protocol):
    """A linear operator that knows a positive lower bound of its singular values."""

    def smallest_square(self, shape: tuple[int, ...]) -> Float[Array, ""] | float:
        """Bound the smallest squared singular value from below, for inputs of this shape."""
        ...


@runtime_checkable
class CirculantOperator(Protocol):
    """A linear operator that can be one whose normal matrix is diagonal in the Fourier basis."""

    @property
    def is_circulant(self) -> bool:
        """Tell whether it is, for signals of every shape that it accepts."""
        ...


@runtime_checkable
class LocalOperator(Protocol):
    """A linear operator that can be one whose normal matrix couples near pixels only."""

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return how far apart, down and across, A^T A couples pixels of an image (h, w).

        None for a shape for which it has no stencil, such as a signal's or a colour image's.
        """
        ...

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Float[Array, "down across h w"]:
        """Return the entries of A^T A within its reach, in the order that `normal_stencil` documents."""
        ...


@runtime_checkable
class LocalAnalysisOperator(Protocol):
    """A local operator that can also weigh its responses."""

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return how far apart, down and across, W^T W couples pixels, as a local operator does."""
        ...

    def weighted_normal_stencil(self, weights: Float[Array, "*range"]) -> Float[Array, "down across h w"]:
        """Return the entries of W^T diag(weights) W within its reach, weights of the shape of W x."""
        ...


@runtime_checkable
class ExampleOperator(LinearOperator, Protocol):
    """A linear operator that makes an example of itself, on which it is checked.

    One that is made without arguments needs none.
    """

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make one for signals of this shape, its arrays random, float64.

        Raises:
            ValueError: if there is none for this shape.
        """
        ...
