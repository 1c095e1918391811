"""Phantom gradients: a few damped steps at the solution, unrolled."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_rule import solve_with_adjoint
from ..memory_of_start import relative_size
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved
from ..step_map import Point, no_step_derivative, step_map


@configuration
class Phantom:
    """Differentiate a few damped steps of the solver from its last state, taken as a constant.

    With  z <- (1 - damping) z + damping T(z)  that is  damping sum_{j < steps} M^j  in place of  (I -
    J)^{-1},  M = (1 - damping) I + damping J: the error falls like rho(M)^steps. Damping steadies a map that
    hardly contracts, and slows one that does; without it (damping = 1) one step is `OneStep`. Source: Geng et
    al., 2021, equation 11 (unrolled form).

    Args:
        steps: how many.
        damping: in (0, 1], weight of the step.

    Raises:
        ValueError: if `steps` is below 1 or `damping` not in (0, 1].
    """

    steps: int = 5
    damping: float = 0.5
    traits = MethodTraits(exact=False)

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.damping <= 1:
            raise ValueError(
                f"steps must be at least 1 and damping in (0, 1]; got {self.steps} and {self.damping}"
            )

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if reverse mode can cross the solver's step, else why not."""
        del lower
        return no_step_derivative(solver)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Pull the cotangent back through the damped steps; the account's residual is what they leave of it.

        The sum w solves  (I - J^T) w = r  up to  (M^T)^steps r.
        """
        lower = solved.lower
        step = step_map(solved.solver, lower, solved.solution.state)

        def mix(lower: LowerLevel, point: Point) -> Point:
            advanced = step.advance(lower, point)
            return jax.tree.map(lambda z, t: (1 - self.damping) * z + self.damping * t, point, advanced)

        def run(lower: LowerLevel, point: Point) -> Point:
            return jax.lax.scan(lambda z, _: (mix(lower, z), None), point, length=self.steps)[0]

        end, through = jax.vjp(run, lower, step.point)
        directly, r = jax.vjp(step.read, lower, end)[1](cotangent)
        across, left = through(r)
        account = Backward(relative_size(left, r, step.point))
        return jax.tree.map(jnp.add, directly, across), account
