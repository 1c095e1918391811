"""Central differences of the solution, one parameter at a time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solve import solve
from ...solvers.solver import Solution, Solver, StartPoint
from ..method_traits import MethodTraits
from ..parameter_rule import Perturbed, basis, from_basis, solve_with_directions
from ..second_order import solve_to_differentiate
from ..solved import Solved


@configuration
class FiniteDifference:
    """Solve again with each parameter a step up and a step down.

    d/dtheta_j = <g, x(theta + h r e_j) - x(theta - h r e_j)> / 2 h r,  g the cotangent and r the root mean
    square of the leaf that holds theta_j, or one where all of it is zero: h has no unit. Two solves a
    parameter. The truncation error grows with h^2, that of the solves, of the size of the budget's tolerance,
    with 1/h: the default step, the cube root of the tolerance, balances them where the solution's relative
    changes are of the size of the parameter's. A kink between the two ends is averaged over.
    Source: Nocedal and Wright, 2006, section 8.1.

    Args:
        step: h, over r; None takes the cube root of the tolerance, or of the dtype's precision if that is
            more.

    Raises:
        ValueError: if `step` is not positive.
    """

    step: float | None = None

    def __post_init__(self) -> None:
        if self.step is not None and not self.step > 0:
            raise ValueError(f"step must be None or positive; got {self.step}")

    @property
    def traits(self) -> MethodTraits:
        """Exact where the step falls with the tolerance."""
        return MethodTraits(exact=self.step is None)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None: whatever can be solved can be solved twice."""
        del solver, lower
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_directions(self, solver, budget, lower, start)

    def forward(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
    ) -> Solution:
        """Solve the lower level."""
        return solve_to_differentiate(self, solver, budget, lower, start)

    def gradient(
        self,
        solved: Solved,
        start: StartPoint | None,
        cotangent: Float[Array, "..."],
        perturbed: Perturbed,
    ) -> LowerLevel:
        """Solve on both sides along every parameter."""
        h = difference_step(self.step, solved.budget, cotangent)
        units = leaf_units(solved.lower)

        def slope(direction: LowerLevel) -> Array:
            scaled = jax.tree.map(jnp.multiply, units, direction)
            return difference_slope(solved, start, cotangent, scaled, h)

        directions, slices = basis(solved.lower, perturbed)
        slopes = from_basis(solved.lower, jax.lax.map(slope, directions), slices)
        return jax.tree.map(jnp.divide, slopes, units)


def leaf_units(lower: LowerLevel) -> LowerLevel:
    """Return each leaf's root mean square, a scalar of its dtype, or one where all of it is zero."""

    def unit(leaf: Array) -> Array:
        largest = jnp.max(jnp.abs(leaf), initial=0)
        safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
        # Divided by the largest entry, or the squares of a small one would be zero.
        size = safe * jnp.sqrt(jnp.mean(jnp.square(leaf / safe)))
        return jnp.where(largest > 0, size, jnp.ones_like(size))

    return jax.tree.map(unit, lower)


def difference_step(step: float | None, budget: Budget, like: Float[Array, "..."]) -> Float[Array, ""]:
    """Return the step, or the one that balances truncation and the error of the solves."""
    if step is not None:
        return jnp.asarray(step, like.dtype)
    tolerance = jnp.asarray(budget.tolerance, like.dtype)
    return jnp.maximum(tolerance, jnp.finfo(like.dtype).eps) ** (1 / 3)


def difference_slope(
    solved: Solved,
    start: StartPoint | None,
    cotangent: Float[Array, "..."],
    direction: LowerLevel,
    h: Float[Array, ""],
) -> Float[Array, ""]:
    """Return <cotangent, x(lower + h direction) - x(lower - h direction)> / 2h."""

    def solution(signed: Array) -> Array:
        near = jax.tree.map(lambda leaf, d: leaf + signed.astype(leaf.dtype) * d, solved.lower, direction)
        return solve(solved.solver, solved.budget, near, start).x

    up, down = jax.lax.map(solution, jnp.stack([h, -h]))
    return jnp.vdot(cotangent, up - down) / (2 * h)
