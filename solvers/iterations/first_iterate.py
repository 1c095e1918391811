"""Where iterations start."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ..analysis_l1_problem import PrimalDualPair, penalty_of, squared_norm_of_A


def first_iterate(lower: LowerLevel) -> Float[Array, "..."]:
    """Return A^T y / ||A||^2, which is in the unit of x whatever those of A and y; for ||A|| = 1 it is A^T y.

    A fixed number of steps so leaves the same error in every unit. The norm is a constant to differentiation:
    where a solver starts does not change where it ends.
    """
    return lower.A.adjoint(lower.y) / squared_norm_of_A(lower, lower.shape)


def first_pair(lower: LowerLevel) -> PrimalDualPair:
    """Return the first iterate of an l1 problem, or one of a norm of groups, and the dual variable 0."""
    x = first_iterate(lower)
    return PrimalDualPair(x, jnp.zeros_like(penalty_of(lower).W(x)))
