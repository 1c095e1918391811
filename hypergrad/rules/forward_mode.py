"""Forward-mode differentiation of the iterations."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solve import Ended, certificate_of, finish, first_state, run_steps
from ...solvers.solver import MapSolver, Solution, Solver, StartPoint
from ..memory_of_start import memory_of_start
from ..method import Backward, Outer
from ..method_traits import MethodTraits
from ..parameter_rule import Perturbed, basis, from_basis, solve_with_directions
from ..solved import Solved


@configuration
class ForwardMode:
    """Run exactly `budget.max_steps` iterations and carry the derivative by each parameter along.

    The same derivative as `Unrolled`'s, in memory that does not grow with the steps, for a time that grows
    with the number of parameters: one run of the tangent iteration for each. Tangents of a step that holds a
    loop of its own need not settle where the iterates do (those of L-BFGS do not): such steps are refused.
    Source: Franceschi et al., 2017.

    Args:
        at_once: how many parameters' tangents run together.

    Raises:
        ValueError: if `at_once` is below 1.
    """

    at_once: int = 16
    traits = MethodTraits(uses_every_step=True)

    def __post_init__(self) -> None:
        if self.at_once < 1:
            raise ValueError(f"at_once must be at least 1; got {self.at_once}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for a step without a loop of its own, else why not."""
        del lower
        if solver.traits.differentiable_step:
            return None
        if isinstance(solver, MapSolver):
            return f"{type(solver).__name__}'s accelerated steps have no derivative at the solution"
        return f"{type(solver).__name__}'s step holds a loop, across which tangents need not settle"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_directions(self, solver, budget, lower, start)

    def forward(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
    ) -> Solution:
        """Run all the steps."""
        state = run_steps(solver, lower, first_state(solver, lower, start), budget.max_steps)
        ended = Ended(state, jnp.asarray(budget.max_steps, jnp.int32), solver.residual(lower, state))
        certificate = certificate_of(solver, lower, state)
        return finish(budget, lower, solver.iterate(lower, state), ended, certificate)

    def account(self, solver: Solver, budget: Budget, lower: LowerLevel, outer: Outer) -> Backward:
        """Return what the steps leave of the adjoint equation; costs a gradient by reverse mode."""
        first = first_state(solver, lower, None)
        return Backward(memory_of_start(solver, lower, first, budget.max_steps, outer))

    def gradient(
        self,
        solved: Solved,
        start: StartPoint | None,
        cotangent: Float[Array, "..."],
        perturbed: Perturbed,
    ) -> LowerLevel:
        """Push every parameter's direction through all the steps."""
        solver = solved.solver

        def iterate(lower: LowerLevel) -> Array:
            state = run_steps(solver, lower, first_state(solver, lower, start), solved.budget.max_steps)
            return solver.iterate(lower, state)

        def slope(direction: LowerLevel) -> Array:
            return jnp.vdot(cotangent, jax.jvp(iterate, (solved.lower,), (direction,))[1])

        directions, slices = basis(solved.lower, perturbed)
        return from_basis(solved.lower, jax.lax.map(slope, directions, batch_size=self.at_once), slices)
