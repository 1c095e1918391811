"""An a-posteriori bound of the distance to the solution of a lower level."""

from typing import cast

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.linear_operator import InjectiveOperator
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import SmoothRegularizer

ROUNDING = 16
"""Residuals are taken to be wrong by so many roundings of the terms whose difference they are."""


def strong_convexity(lower: LowerLevel, shape: tuple[int, ...]) -> Float[Array, ""]:
    """Return mu, the smallest squared singular value of A: a convex regulariser only adds to it."""
    return jnp.asarray(cast(InjectiveOperator, lower.A).smallest_square(shape), lower.y.dtype)


def distance_bound(lower: LowerLevel, x: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Bound ||x - x*|| by ||grad E(x)|| / mu,  mu the strong convexity of the energy.

    Any x will do, however it was found. Infinite where mu is zero. Rounding is allowed for by a rule of thumb
    (`ROUNDING`), not proved. Source: Ehrhardt and Roberts, 2024.

    Args:
        lower: a convex smooth energy with an injective A, see `no_error_bound`.
        x: near the solution.
    """
    residual = rounded_up(lower, lower.gradient(x), x, lower.A.adjoint(lower.y))
    return residual / strong_convexity(lower, x.shape)


def rounded_up(
    lower: LowerLevel,
    difference: Float[Array, "*shape"],
    point: Float[Array, "*shape"],
    rhs: Float[Array, "*shape"],
) -> Float[Array, ""]:
    """Return the norm of  H point - rhs,  H of the energy, enlarged by what rounding may hide."""
    regularizer = cast(SmoothRegularizer, lower.regularizer)
    norm = lower.A.squared_norm(point.shape) + regularizer.lipschitz(point.shape)
    unit = ROUNDING * float(jnp.finfo(point.dtype).eps)
    return euclidean_norm(difference) + unit * (norm * euclidean_norm(point) + euclidean_norm(rhs))
