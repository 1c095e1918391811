"""A randomised estimate from simultaneous perturbations."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from ..method_traits import MethodTraits
from ..parameter_rule import Perturbed, solve_with_directions
from ..second_order import solve_to_differentiate
from ..solved import Solved
from .finite_difference import difference_slope, difference_step, leaf_units


@configuration
class Spsa:
    """Estimate the hypergradient from differences along random signs s.

    The mean of  s/r <g, x(theta + h r s) - x(theta - h r s)> / 2h,  g the cotangent and r the unit of each
    leaf, as in `FiniteDifference`. Two solves per sample, whatever the number of parameters p; the error of r
    times the gradient, relative, is about sqrt((p - 1) / samples), the mean over draws right up to h^2. The
    draw is fixed by the seed: the same call gives the same estimate. Source: Spall, 1992.

    Args:
        samples: directions drawn.
        step: h, over r, as in `FiniteDifference`.
        seed: of the draw.

    Raises:
        ValueError: if `samples` is below 1 or `step` not positive.
    """

    samples: int = 16
    step: float | None = None
    seed: int = 0
    traits = MethodTraits(exact=False)

    def __post_init__(self) -> None:
        if self.samples < 1 or (self.step is not None and not self.step > 0):
            raise ValueError(
                f"samples must be at least 1 and step None or positive; got {self.samples} and {self.step}"
            )

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
        """Average over the drawn directions."""
        h = difference_step(self.step, solved.budget, cotangent)
        units = leaf_units(solved.lower)
        leaves, structure = jax.tree.flatten(solved.lower)

        def estimate(key: Array) -> LowerLevel:
            keys = jax.random.split(key, len(leaves))
            signs = structure.unflatten(
                jax.random.rademacher(one, leaf.shape, leaf.dtype) if is_one else jnp.zeros_like(leaf)
                for one, leaf, is_one in zip(keys, leaves, perturbed.leaves, strict=True)
            )
            scaled = jax.tree.map(jnp.multiply, units, signs)
            slope = difference_slope(solved, start, cotangent, scaled, h)
            return jax.tree.map(lambda sign, unit: slope.astype(sign.dtype) * sign / unit, signs, units)

        drawn = jax.lax.map(estimate, jax.random.split(jax.random.key(self.seed), self.samples))
        return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), drawn)
