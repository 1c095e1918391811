"""Newton's system of the central path of an l1 problem, for `InteriorPoint`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.linear_operator import LinearOperator
from ...problems.lower_level import LowerLevel
from ..analysis_l1_problem import SquaredNorms, analysis_regularizer
from ..matrices.normal_matrix import (
    Factor,
    Layout,
    Matrix,
    combine,
    factorize,
    layout_of,
    rows_matrix,
    solve_factored,
)

STIFFEST = 1e9
"""The largest weight of a row over ||A||^2 / ||W||^2: what A^T A says is lost beside larger ones."""
BOUNDARY = 0.995
"""The share of the way to the nearest bound that a step goes."""
STRETCH, FURTHER = 1.3, 0.1
"""A correction aims at a step so many times as long, and so much longer."""
NEAR, FAR = 0.1, 10.0
"""Products of slack and multiplier, over their target, between which they are well centred."""


class PathPoint(NamedTuple):
    """A point near the path, or a direction from one.

    Attributes:
        x: the signal.
        u: the dual variable, inside its bounds.
        above: positive part of W x, positive until the end.
        below: negative part, likewise.
        upper: weight - u, positive until the end, which the difference would not be.
        lower: weight + u, likewise.
    """

    x: Float[Array, "..."]
    u: Float[Array, "..."]
    above: Float[Array, "..."]
    below: Float[Array, "..."]
    upper: Float[Array, "..."]
    lower: Float[Array, "..."]


class Targets(NamedTuple):
    """What (weight - u) above and (weight + u) below are to become, up to first order."""

    above: Float[Array, "..."]
    below: Float[Array, "..."]


class NewtonSystem(NamedTuple):
    """The linearised conditions at a point, with their matrix factorised.

    Attributes:
        W: the analysis operator.
        point: where they are linearised.
        bounded: rows with a weight; of the others u stays 0, and so do both parts.
        rows: D, the weights of the rows in the matrix.
        stationarity: A^T (A x - y) + W^T u.
        layout: of the matrix.
        factor: of A^T A + W^T D W.
    """

    W: LinearOperator
    point: PathPoint
    bounded: Bool[Array, "..."]
    rows: Float[Array, "..."]
    stationarity: Float[Array, "..."]
    layout: Layout
    factor: Factor

    def targets(self, target: Float[Array, ""] | float, affine: PathPoint | None = None) -> Targets:
        """Return one target for all products, less the second-order terms of a direction."""
        none = jnp.zeros_like(self.point.u)
        if affine is None:
            return Targets(none + target, none + target)
        return Targets(target + affine.u * affine.above, target - affine.u * affine.below)

    def direction(self, targets: Targets) -> PathPoint:
        """Solve for the direction that makes the products these targets."""
        point = self.point
        above, below = targets.above / point.upper, targets.below / point.lower
        missing = jnp.where(self.bounded, self.W(point.x) - above + below, jnp.zeros_like(point.u))
        rhs = -self.stationarity - self.W.adjoint(self.rows * missing)
        x = solve_factored(self.layout, self.factor, rhs)
        u = self.rows * (self.W(x) + missing)
        up = above + point.above * u / point.upper - point.above
        down = below - point.below * u / point.lower - point.below
        return PathPoint(x, u, up, down, -u, u)

    def length(self, direction: PathPoint) -> Float[Array, ""]:
        """Return how far a direction leads to the nearest bound, at most without end."""
        pairs = zip(self.point[2:], direction[2:], strict=True)
        rooms = [
            jnp.min(jnp.where(self.bounded & (change < 0), -value / change, jnp.inf), initial=jnp.inf)
            for value, change in pairs
        ]
        return jnp.min(jnp.stack(rooms))

    def mean_product(self, direction: PathPoint | None = None) -> Float[Array, ""]:
        """Return the mean of the products, at the point or at the end of a direction."""
        count = jnp.maximum(2 * jnp.sum(self.bounded), 1).astype(self.rows.dtype)
        if direction is None:
            above, below = self.point.upper * self.point.above, self.point.lower * self.point.below
        else:
            above, below = self._products(direction, jnp.minimum(self.length(direction), 1.0))
        return jnp.sum(jnp.where(self.bounded, above + below, jnp.zeros_like(above))) / count

    def corrected(
        self, direction: PathPoint, targets: Targets, target: Float[Array, ""]
    ) -> tuple[PathPoint, Targets]:
        """Move products that a longer step would leave badly centred; kept if the step becomes longer."""
        length = self.length(direction)
        longer = jnp.minimum(1.0, STRETCH * length + FURTHER)
        wanted = Targets(
            *(
                goal + jnp.maximum(jnp.clip(product, NEAR * target, FAR * target) - product, -FAR * target)
                for goal, product in zip(targets, self._products(direction, longer), strict=True)
            )
        )
        other = self.direction(wanted)
        better = self.length(other) > length
        return jax.tree.map(
            lambda new, old: jnp.where(better, new, old), (other, wanted), (direction, targets)
        )

    def moved(self, direction: PathPoint) -> PathPoint:
        """Go nearly to the nearest bound, at most the whole direction."""
        length = jnp.minimum(1.0, BOUNDARY * self.length(direction))
        return jax.tree.map(lambda old, change: old + length * change, self.point, direction)

    def _products(self, direction: PathPoint, length: Float[Array, ""]) -> tuple[Array, Array]:
        point = self.point
        above = (point.upper + length * direction.upper) * (point.above + length * direction.above)
        below = (point.lower + length * direction.lower) * (point.below + length * direction.below)
        return above, below


def newton_system(lower: LowerLevel, point: PathPoint, data: Matrix, norms: SquaredNorms) -> NewtonSystem:
    """Factorise at a point.

    Args:
        lower: the l1 problem.
        point: strictly inside the bounds.
        data: A^T A.
        norms: of A and W.
    """
    regularizer, layout = analysis_regularizer(lower), layout_of(lower, point.x.shape)
    bounded = regularizer.weight_like(point.u) > 0
    compliance = point.above / point.upper + point.below / point.lower
    rows = 1 / (compliance + 1 / (STIFFEST * norms.dual_unit))
    rows = jnp.where(bounded, rows, jnp.zeros_like(rows))
    # What stiff rows round away could leave the matrix indefinite where A and the others see nothing.
    ridge = 10 * jnp.finfo(rows.dtype).eps * (jnp.max(rows, initial=0.0) * norms.W + norms.A)
    factor = factorize(layout, combine(data, 1.0, rows_matrix(lower, layout, rows), ridge))
    stationarity = lower.data_gradient(point.x) + regularizer.W.adjoint(point.u)
    return NewtonSystem(regularizer.W, point, bounded, rows, stationarity, layout, factor)
