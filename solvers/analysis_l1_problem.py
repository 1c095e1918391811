"""What the solvers of l1 problems share."""

from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.arrays.divisor import divisor
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import AnalysisRegularizer, GroupRegularizer
from .dual_norm import Penalty


class PrimalDualPair(NamedTuple):
    """A signal and a dual variable of W x, to start from: those of a problem nearby, for example.

    Attributes:
        x: shape of the signal.
        u: shape of W x.
    """

    x: Float[Array, "..."]
    u: Float[Array, "..."]


@runtime_checkable
class DualSolver(Protocol):
    """A solver whose state holds the dual variable of W x, from which the active set is read."""

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> Any:
        """Make the first state from a pair instead of from nothing."""
        ...

    def dual(self, lower: LowerLevel, state: Any) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x, |u_i| <= weight_i."""
        ...


def supports_analysis(lower: LowerLevel) -> str | None:
    """Return None for a weighted l1 norm, or norm of groups, of an analysis operator, else why not."""
    return None if isinstance(lower.regularizer, GroupRegularizer) else supports_analysis_l1(lower)


def supports_analysis_l1(lower: LowerLevel) -> str | None:
    """Return None if the regulariser is a weighted l1 norm of an analysis operator, else why not."""
    if isinstance(lower.regularizer, AnalysisRegularizer):
        return None
    name = type(lower.regularizer).__name__
    if isinstance(lower.regularizer, GroupRegularizer):
        return (
            f"{name} is a norm of groups, which is not piecewise linear; DualFista, PrimalDual and Admm "
            "solve it, and ClosedForm differentiates it"
        )
    return f"{name} is not an l1 norm of an analysis operator"


def analysis_regularizer(lower: LowerLevel) -> AnalysisRegularizer:
    """Return the regulariser of a lower level that `supports_analysis_l1` has accepted, as what it is."""
    return cast(AnalysisRegularizer, lower.regularizer)


def penalty_of(lower: LowerLevel) -> Penalty:
    """Return the regulariser of a lower level that `supports_analysis` has accepted, as what it is."""
    return cast(Penalty, lower.regularizer)


def squared_norm_of_W(lower: LowerLevel, shape: tuple[int, ...]) -> Float[Array, ""]:
    """Bound ||W||^2, a constant to differentiation; 1 where W is zero, since steps are divided by it."""
    return _positive_constant(penalty_of(lower).W.squared_norm(shape), lower)


def squared_norm_of_A(lower: LowerLevel, shape: tuple[int, ...]) -> Float[Array, ""]:
    """Bound ||A||^2, a constant to differentiation; 1 where A is zero: nothing is measured then."""
    return _positive_constant(lower.A.squared_norm(shape), lower)


class SquaredNorms(NamedTuple):
    """Bounds of ||A||^2 and ||W||^2, positive constants, which carry the units of an l1 problem."""

    A: Float[Array, ""]
    W: Float[Array, ""]

    @property
    def dual_unit(self) -> Float[Array, ""]:
        """||A||^2 / ||W||^2, which turns responses W x into the unit of the dual variable.

        W^T u balances A^T (A x - y), so that u has the unit of A^T A x / W. A sum such as u + W x compares
        different units unless W x comes times this number: then no choice of units for y, A or W decides
        which rows are active, when a solve ends, or how fast it goes.
        """
        return self.A / self.W


def squared_norms(lower: LowerLevel, shape: tuple[int, ...]) -> SquaredNorms:
    """Return both bounds for signals of this shape."""
    return SquaredNorms(squared_norm_of_A(lower, shape), squared_norm_of_W(lower, shape))


def _positive_constant(squared_norm: Any, lower: LowerLevel) -> Float[Array, ""]:
    return divisor(jax.lax.stop_gradient(jnp.asarray(squared_norm, lower.y.dtype)))
