"""What regularisers offer: each has what it can of these."""

from typing import Any, Protocol, Self, runtime_checkable

from jaxtyping import Array, Float

from .linear_operator import LinearOperator


@runtime_checkable
class Regularizer(Protocol):
    """A function of a signal or image, whose parameters are the leaves of a pytree."""

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make the parameters with which a benchmark or a training run starts, float64, for this shape."""
        ...

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the regulariser."""
        ...


@runtime_checkable
class SmoothRegularizer(Regularizer, Protocol):
    """A regulariser with a Lipschitz-continuous gradient."""

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Differentiate with respect to the signal."""
        ...

    def lipschitz(self, shape: tuple[int, ...]) -> Any:
        """Bound the Lipschitz constant of the gradient from above, for signals of this shape (a scalar)."""
        ...


@runtime_checkable
class AnalysisRegularizer(Regularizer, Protocol):
    """A weighted l1 norm of an analysis operator's responses."""

    @property
    def W(self) -> LinearOperator:
        """The analysis operator."""
        ...

    def weight_like(self, u: Float[Array, "*range"]) -> Float[Array, "*range"]:
        """Spread the weight over responses (or dual variables) of the shape of `u`."""
        ...
