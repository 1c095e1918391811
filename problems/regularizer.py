"""What regularisers offer: each has what it can of these."""

from typing import Any, Protocol, Self, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .linear_operator import LinearOperator


@runtime_checkable
class Regularizer(Protocol):
    """A prior on signals or images, whose parameters are the leaves of a pytree.

    What else it offers decides which solvers apply: an energy, its gradient, a proximal operator, an analysis
    operator, or an operator that stands where a gradient would.
    """

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make the parameters with which a benchmark or a training run starts, float64, for this shape."""
        ...


@runtime_checkable
class EnergyRegularizer(Regularizer, Protocol):
    """A regulariser that is a function: x is chosen such that it is small."""

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the regulariser."""
        ...


@runtime_checkable
class ConvexEnergy(EnergyRegularizer, Protocol):
    """An energy that says whether it is certainly convex, for all values that its parameters may take.

    Whoever needs convexity asks `is_convex`, to which an energy that does not say is not convex.
    """

    @property
    def convex(self) -> bool:
        """Say whether the energy is convex; False where it need not be."""
        ...


def is_convex(regularizer: Regularizer) -> bool:
    """Tell whether a regulariser is an energy that is certainly convex.

    A data term is convex, so that every stationary point of the lower level is then a minimiser, and its
    Hessian has no negative eigenvalue. Without an energy there is no minimiser, and the answer is no.
    """
    return isinstance(regularizer, ConvexEnergy) and regularizer.convex


@runtime_checkable
class RangedRegularizer(Regularizer, Protocol):
    """A regulariser whose parameters have a range, which a step of training can leave.

    Beyond it the energy is not what solvers and rules take it for: of a negative weight it is not convex and
    may have no minimiser. Constructors refuse such values where they are known; inside `jit` a solve ends
    with the status `Outcome.OUT_OF_RANGE`.
    """

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether all parameters are in their range."""
        ...


@runtime_checkable
class ProjectedRegularizer(RangedRegularizer, Protocol):
    """A regulariser whose parameters have nearest ones in their range, which is closed and convex."""

    def nearest_in_range(self) -> Self:
        """Return the regulariser whose parameters are nearest, in the Euclidean norm, and in range."""
        ...


def in_range(regularizer: Regularizer) -> Bool[Array, ""]:
    """Tell whether all parameters of a regulariser are in their range; True where it has none."""
    return regularizer.in_range() if isinstance(regularizer, RangedRegularizer) else jnp.ones((), bool)


@runtime_checkable
class PreparedRegularizer(Regularizer, Protocol):
    """A regulariser with something to compute from its parameters alone, such as a normalisation."""

    def prepared(self) -> Regularizer:
        """Return the same regulariser with that computed, so that a solve does so once, not at every step."""
        ...


@runtime_checkable
class SmoothRegularizer(EnergyRegularizer, Protocol):
    """A regulariser with a Lipschitz-continuous gradient."""

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Differentiate with respect to the signal."""
        ...

    def lipschitz(self, shape: tuple[int, ...]) -> Any:
        """Bound the Lipschitz constant of the gradient from above, for signals of this shape (a scalar).

        Where no bound is known, as of networks, it is an estimate, and the class says so.
        """
        ...


@runtime_checkable
class OperatorRegularizer(Regularizer, Protocol):
    """A regulariser without an energy: an operator stands where a gradient would, and need not be one.

    The solution is a zero of  A^T (A x - y) + operator(x). Its Jacobian is not symmetric, so that rules and
    linear solvers which need a Hessian do not apply.
    """

    def operator(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the operator."""
        ...

    def lipschitz(self, shape: tuple[int, ...]) -> Any:
        """Bound the operator's Lipschitz constant from above, or estimate it; see `SmoothRegularizer`."""
        ...


@runtime_checkable
class ProximalRegularizer(Regularizer, Protocol):
    """A regulariser that is known by its proximal operator, or by a map that stands in its place.

    Of a denoiser in that place no energy needs to exist; the solution then depends on the step size.
    """

    def prox(self, x: Float[Array, "*shape"], step: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return argmin_z 1/2 ||z - x||^2 + step R(z), or what stands in its place."""
        ...


@runtime_checkable
class AnalysisRegularizer(EnergyRegularizer, Protocol):
    """A weighted l1 norm of an analysis operator's responses."""

    @property
    def W(self) -> LinearOperator:
        """The analysis operator."""
        ...

    def weight_like(self, u: Float[Array, "*range"]) -> Float[Array, "*range"]:
        """Spread the weight over responses (or dual variables) of the shape of `u`."""
        ...


@runtime_checkable
class GroupRegularizer(EnergyRegularizer, Protocol):
    """A weighted sum of the norms of groups of an analysis operator's responses.

    What is one number per group has the shape of the responses, with length one along the axes of a group.
    """

    @property
    def W(self) -> LinearOperator:
        """The analysis operator."""
        ...

    def group_sum(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Add up what belongs to a group."""
        ...

    def group_norms(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Return the norm of each group of responses or dual variables."""
        ...

    def group_weight_like(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Return the weight of each group of responses of the shape of `u`."""
        ...
