"""The curvature of a norm of groups where groups are not zero."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import GroupRegularizer
from ...solvers.analysis_l1_problem import penalty_of


class GroupCurvature(NamedTuple):
    """The second derivative of  sum_g weight_g ||r_g||  by the responses r of groups that are not zero.

    Of one group it is weight_g / ||r_g|| (I - d_g d_g^T),  d_g = r_g / ||r_g||;  active groups have none.

    Attributes:
        stiffness: weight_g / ||r_g||, zero of active groups, in the shape of the groups.
        direction: d, shape of W x.
    """

    stiffness: Float[Array, "..."]
    direction: Float[Array, "..."]

    def of_responses(self, lower: LowerLevel, r: Float[Array, "*range"]) -> Float[Array, "*range"]:
        """Multiply responses by the second derivative."""
        regularizer = penalty_of(lower)
        assert isinstance(regularizer, GroupRegularizer)
        along = self.direction * regularizer.group_sum(self.direction * r)
        return self.stiffness * (r - along)

    def product(self, lower: LowerLevel, v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Multiply a signal by the regulariser's Hessian, W^T (...) W."""
        W = penalty_of(lower).W
        return W.adjoint(self.of_responses(lower, W(v)))


def group_curvature(
    lower: LowerLevel, x: Float[Array, "..."], active: Bool[Array, "..."]
) -> GroupCurvature | None:
    """Return the curvature at x; None of an l1 norm, which has none.

    Args:
        lower: with an l1 norm or a norm of groups.
        x: the solution.
        active: rows of groups that are zero, shape of W x.
    """
    regularizer = penalty_of(lower)
    if not isinstance(regularizer, GroupRegularizer):
        return None
    responses = jnp.where(active, jnp.zeros_like(active, x.dtype), regularizer.W(x))
    norms = regularizer.group_norms(responses)
    safe = jnp.where(norms > 0, norms, jnp.ones_like(norms))
    stiffness = jnp.where(norms > 0, regularizer.group_weight_like(responses) / safe, jnp.zeros_like(norms))
    return GroupCurvature(stiffness, responses / safe)


def normal_product(
    lower: LowerLevel, v: Float[Array, "*shape"], curvature: GroupCurvature | None
) -> Float[Array, "*shape"]:
    """Multiply by A^T A, and by the curvature of groups, if there are any."""
    product = lower.A.adjoint(lower.A(v))
    return product if curvature is None else product + curvature.product(lower, v)
