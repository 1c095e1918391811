"""What proves a primal-dual pair optimal for an l1 problem, and how safely its active set can be told."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..problems.arrays.divisor import divisor
from ..problems.arrays.euclidean_norm import euclidean_norm
from ..problems.lower_level import LowerLevel
from .analysis_l1_problem import penalty_of, squared_norms
from .dual_norm import gaps, inside_bounds, norms_of, turned_away, weights_of

CERTIFIED = 1e-10
"""The largest relative violation that a certified solution may have."""
AMBIGUITY = 10.0
"""A row is ambiguous if its distance from changing sides is below so many times the solution's own error."""
ROUNDINGS = 32
"""An exact tie is hidden by so many roundings: a distance below them is none, however small the error is."""


class Certificate(NamedTuple):
    """Hold the violations of optimality of (x, u), each relative, and its active set.

    Row i is active if |u_i + c w_i x| <= weight_i, c = ||A||^2 / ||W||^2, that is where w_i x = 0 with a dual
    variable inside its bounds. A row of weight zero never is: nothing holds w_i x at zero. Of a norm of
    groups the same is said of each group, by its norms; a group is active with all its rows.

    Attributes:
        stationarity: ||A^T(Ax - y) + W^T u|| / ||A^T y||.
        infeasibility: the largest excess of |u_i| over weight_i, over the largest weight.
        sign_violation: the largest |w_i x| of an active row, or -sign(u_i) w_i x of another, over the largest
            |w_i x| of those others; where all rows are active, over ||W|| ||A^T y|| / ||A||^2. Of another
            group, how far (W x)_g is from the direction of u_g.
        gap: the duality gap over ||A^T y||^2 / ||A||^2.
        active_size: how many active rows there are.
        active_rank: their numerical rank, where a factorisation told it.
        dual_margin: the smallest (weight_i - |u_i|) / weight_i of an active row.
        primal_margin: the smallest |w_i x| of another row, over ||W|| times the largest |x_j|.
        ambiguous: rows, or groups, that the solution's own error, or rounding, could move to the other side.
            Where active rows are dependent, as those of total variation round a flat square of pixels, one
            can be counted since this dual variable, of several, has it on its bound.
        certified: whether none of the four violations exceeds 1e-10.
    """

    stationarity: Float[Array, ""]
    infeasibility: Float[Array, ""]
    sign_violation: Float[Array, ""]
    gap: Float[Array, ""]
    active_size: Int[Array, ""]
    active_rank: Int[Array, ""] | None
    dual_margin: Float[Array, ""]
    primal_margin: Float[Array, ""]
    ambiguous: Int[Array, ""]
    certified: Bool[Array, ""]

    @property
    def violation(self) -> Float[Array, ""]:
        """The largest of the four violations; infinite where one is not a number."""
        four = jnp.stack([self.stationarity, self.infeasibility, self.sign_violation, self.gap])
        worst = jnp.max(four)
        return jnp.where(jnp.isfinite(worst), worst, jnp.inf)


@runtime_checkable
class CertifyingSolver(Protocol):
    """A solver that knows more of its own certificate than (x, u) shows, such as the active rows' rank."""

    def certificate(self, lower: LowerLevel, state: Any) -> Certificate:
        """Return the certificate of the state's pair."""
        ...


def certify(lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "..."]) -> Certificate:
    """Check the optimality conditions of an l1 problem at (x, u), with nothing but A, W and their adjoints.

    Args:
        lower: l1 problem, or one of a norm of groups, any A.
        x: the signal.
        u: the dual variable, shape of W x.
    """
    regularizer = penalty_of(lower)
    responses = regularizer.W(x)
    weight, sizes = weights_of(regularizer, u), norms_of(regularizer, responses)
    norms = squared_norms(lower, x.shape)
    scale = divisor(euclidean_norm(lower.A.adjoint(lower.y)))
    stationarity = euclidean_norm(lower.data_gradient(x) + regularizer.W.adjoint(u)) / scale
    excess = norms_of(regularizer, u) - weight
    infeasibility = jnp.max(excess, initial=0.0) / divisor(jnp.max(weight, initial=0.0))
    active = _active_groups(lower, x, u)
    height = jnp.max(jnp.where(active, 0.0, sizes), initial=0.0)
    # Where W annihilates x the responses are rounding, which is no measure of itself.
    height = jnp.where(height > 0, height, jnp.sqrt(norms.W) * scale / norms.A)
    wrong = jnp.where(active, sizes, turned_away(regularizer, u, responses))
    # A response below rounding has no sign.
    told = sizes > jnp.finfo(x.dtype).eps * jnp.sqrt(norms.W) * euclidean_norm(x)
    wrong = jnp.where(active | told, wrong, jnp.zeros_like(wrong))
    sign_violation = jnp.max(wrong, initial=0.0) / height
    gap = jnp.abs(jnp.sum(gaps(regularizer, u, responses / scale))) * (norms.A / scale)
    dual_room = jnp.where(active, -excess, jnp.inf)
    primal_room = jnp.where(active, jnp.inf, sizes)
    violation = jnp.max(jnp.stack([stationarity, infeasibility, sign_violation, gap]))
    room = jnp.minimum(dual_room, norms.dual_unit * primal_room)
    tallest = jnp.sqrt(norms.W) * jnp.max(jnp.abs(x), initial=0.0)
    return Certificate(
        stationarity=stationarity,
        infeasibility=infeasibility,
        sign_violation=sign_violation,
        gap=gap,
        active_size=jnp.sum(jnp.broadcast_to(active, u.shape)),
        active_rank=None,
        dual_margin=jnp.min(dual_room / divisor(weight), initial=jnp.inf),
        primal_margin=jnp.min(primal_room, initial=jnp.inf) / divisor(tallest),
        ambiguous=jnp.sum(room <= _uncertainty(lower, x, u)),
        certified=violation <= CERTIFIED,
    )


def active_rows(
    lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "*range"]
) -> Bool[Array, "*range"]:
    """Tell which rows are active: |u_i + c w_i x| <= weight_i and weight_i > 0,  c = ||A||^2 / ||W||^2.

    The solution's own residual decides: it is u_i - clip(u_i + c w_i x) = -c w_i x on exactly these rows. A
    dual variable on its bound up to rounding counts as inside. Of a norm of groups the norm decides for all
    rows of a group.
    """
    return jnp.broadcast_to(_active_groups(lower, x, u), u.shape)


def shifted_dual(
    lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "*range"]
) -> Float[Array, "*range"]:
    """Return u + c W x, c = ||A||^2 / ||W||^2: its size tells active rows, its sign the side of the others.

    Also where a weight is zero, and u with it, which has no sign.
    """
    return u + squared_norms(lower, x.shape).dual_unit * penalty_of(lower).W(x)


def _active_groups(
    lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "*range"]
) -> Bool[Array, "*groups"]:
    regularizer = penalty_of(lower)
    weight = weights_of(regularizer, u)
    slack = 1 + 4 * jnp.finfo(u.dtype).eps
    return (norms_of(regularizer, shifted_dual(lower, x, u)) <= slack * weight) & (weight > 0)


def _uncertainty(
    lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "*range"]
) -> Float[Array, "*groups"]:
    """Return by how much u + c W x may be off: by the pair's own violations, and by rounding of its terms."""
    regularizer, norms = penalty_of(lower), squared_norms(lower, x.shape)
    weight = weights_of(regularizer, u)
    moved = u - inside_bounds(regularizer, shifted_dual(lower, x, u))
    moved = jnp.max(norms_of(regularizer, moved), initial=0.0)
    unbalanced = euclidean_norm(lower.data_gradient(x) + regularizer.W.adjoint(u)) / jnp.sqrt(norms.W)
    terms = jnp.abs(weight) + norms.dual_unit * jnp.sqrt(norms.W) * euclidean_norm(x)
    return AMBIGUITY * jnp.maximum(moved, unbalanced) + ROUNDINGS * jnp.finfo(x.dtype).eps * terms
