"""What the solvers of l1 problems share."""

from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..problems.regularizer import AnalysisRegularizer


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


def supports_analysis_l1(lower: LowerLevel) -> str | None:
    """Return None if the regulariser is a weighted l1 norm of an analysis operator, else why not."""
    if isinstance(lower.regularizer, AnalysisRegularizer):
        return None
    return f"{type(lower.regularizer).__name__} is not an l1 norm of an analysis operator"


def analysis_regularizer(lower: LowerLevel) -> AnalysisRegularizer:
    """Return the regulariser of a lower level that `supports_analysis_l1` has accepted, as what it is."""
    return cast(AnalysisRegularizer, lower.regularizer)


def squared_norm_of_W(lower: LowerLevel, shape: tuple[int, ...]) -> Float[Array, ""]:
    """Bound ||W||^2, a constant to differentiation; 1 where W is zero, since steps are divided by it."""
    bound = jnp.asarray(analysis_regularizer(lower).W.squared_norm(shape), lower.y.dtype)
    squared = jax.lax.stop_gradient(bound)
    return jnp.where(squared > 0, squared, jnp.ones_like(squared))
