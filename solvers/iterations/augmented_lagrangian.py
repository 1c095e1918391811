"""The inner minimisation of `ActiveSet`: the augmented Lagrangian of an l1 problem, by Newton steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.arrays.mesh_axes import differing_as
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import AnalysisRegularizer
from ..analysis_l1_problem import PrimalDualPair, analysis_regularizer, squared_norms
from ..dual_norm import within_bounds
from ..matrices.normal_matrix import (
    Layout,
    Matrix,
    combine,
    factorize,
    layout_of,
    rows_matrix,
    solve_factored,
)

PROXIMAL = 1e-6
"""p over ||A||^2; more where the penalty is so large that rounding could make the factorisation fail."""
BISECTIONS = 40
ROUNDING = 1e-14
"""Of ||A^T y||: rows on their bounds change sides for ever once the gradient is so small."""


class Search(NamedTuple):
    """A point of the minimisation.

    Attributes:
        x: the point.
        responses: W x.
        gradient: of the augmented Lagrangian.
        steps: made so far.
        moving: whether the last step was cut short, or changed which rows are inside their bounds.
    """

    x: Float[Array, "..."]
    responses: Float[Array, "..."]
    gradient: Float[Array, "..."]
    steps: Int[Array, ""]
    moving: Bool[Array, ""]


class AugmentedLagrangian(NamedTuple):
    """What is minimised at one pair, with a proximal term that keeps it strictly convex.

    Attributes:
        lower: the l1 problem.
        x: where the minimisation begins, and the centre of the proximal term.
        u: the dual variable, of the shape of W x.
        data: A^T A.
        regularizer: of the l1 problem.
        weight: of every row, of the shape of W x.
        layout: of the matrices that are factorised.
        sigma: the penalty, with the dual variable's unit over that of W x.
        proximal: weight of the proximal term.
    """

    lower: LowerLevel
    x: Float[Array, "..."]
    u: Float[Array, "..."]
    data: Matrix
    regularizer: AnalysisRegularizer
    weight: Float[Array, "..."]
    layout: Layout
    sigma: Float[Array, ""]
    proximal: Float[Array, ""]

    def minimize(self, responses: Float[Array, "..."], newton_steps: int) -> Search:
        """Make Newton steps from x until a full one leaves the rows inside their bounds as they were.

        None where the gradient is rounding.

        Args:
            responses: W x, as carried.
            newton_steps: at most.
        """
        smallest = ROUNDING * euclidean_norm(self.lower.A.adjoint(self.lower.y))

        def running(search: Search) -> Array:
            large = euclidean_norm(search.gradient) > smallest
            return search.moving & large & (search.steps < newton_steps)

        gradient = self.gradient(self.x, responses)
        start = Search(self.x, responses, gradient, jnp.zeros((), jnp.int32), jnp.ones((), bool))
        return jax.lax.while_loop(running, self.newton, differing_as(start, start))

    def dual(self, responses: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the dual variable that belongs to responses."""
        return within_bounds(self.u + self.sigma * responses, self.weight)

    def inside(self, responses: Float[Array, "..."]) -> Bool[Array, "..."]:
        """Tell which rows are inside their bounds."""
        return jnp.abs(self.u + self.sigma * responses) < self.weight

    def smooth_gradient(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the gradient of data and proximal term."""
        return self.lower.data_gradient(x) + self.proximal * (x - self.x)

    def gradient(self, x: Float[Array, "..."], responses: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the gradient of the whole."""
        return self.smooth_gradient(x) + self.regularizer.W.adjoint(self.dual(responses))

    def newton(self, search: Search) -> Search:
        """Factorise, solve, search along the direction."""
        inside = self.inside(search.responses)
        rows = rows_matrix(self.lower, self.layout, inside.astype(search.x.dtype))
        factor = factorize(self.layout, combine(self.data, self.sigma, rows, self.proximal))
        direction = -solve_factored(self.layout, factor, search.gradient)
        ahead = self.regularizer.W(direction)
        length, full = self.line_search(search, direction, ahead)
        x, responses = search.x + length * direction, search.responses + length * ahead
        moving = ~full | jnp.any(self.inside(responses) != inside)
        return Search(x, responses, self.gradient(x, responses), search.steps + 1, moving)

    def line_search(
        self, search: Search, direction: Float[Array, "..."], ahead: Float[Array, "..."]
    ) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        """Find where the slope, rising and piecewise linear in the length, is zero; and whether at one."""
        image = self.lower.A(direction)
        start = jnp.vdot(direction, self.smooth_gradient(search.x))
        curvature = jnp.vdot(image, image) + self.proximal * jnp.vdot(direction, direction)

        def slope(length: Array) -> Array:
            return start + length * curvature + jnp.vdot(ahead, self.dual(search.responses + length * ahead))

        def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = bracket
            middle = (low + high) / 2
            uphill = slope(middle) > 0
            return jnp.where(uphill, low, middle), jnp.where(uphill, middle, high)

        one = jnp.ones_like(curvature)
        full = slope(one) <= 1e-10 * jnp.abs(slope(0 * one))
        _, high = jax.lax.fori_loop(0, BISECTIONS, halve, (0 * one, one))
        return jnp.where(full, one, high), full


def augmented_lagrangian(
    lower: LowerLevel, pair: PrimalDualPair, penalty: Float[Array, ""], data: Matrix
) -> AugmentedLagrangian:
    """Return what is minimised at a pair.

    Args:
        lower: the l1 problem.
        pair: x and the dual variable, within its bounds.
        penalty: over ||A||^2 / ||W||^2.
        data: A^T A.
    """
    regularizer, norms = analysis_regularizer(lower), squared_norms(lower, pair.x.shape)
    rounding = 10 * jnp.finfo(pair.x.dtype).eps * penalty
    return AugmentedLagrangian(
        lower,
        pair.x,
        pair.u,
        data,
        regularizer,
        weight=regularizer.weight_like(pair.u),
        layout=layout_of(lower, pair.x.shape),
        sigma=penalty * norms.dual_unit,
        proximal=jnp.maximum(PROXIMAL, rounding) * norms.A,
    )
