"""Implicit differentiation of a proximal fixed point on its support."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import GroupRegularizer
from ...problems.values.configuration import configuration
from ...solvers.analysis_l1_problem import analysis_regularizer
from ...solvers.budget import Budget
from ...solvers.iterations.dual_fista import DualFista, DualFistaState
from ...solvers.linear.cg import Cg
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_rule import solve_with_adjoint
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved


@configuration
class SupportReduced:
    """Differentiate the fixed point of a proximal gradient step, on the coordinates that the prox lets move.

    A proximal operator such as the projection on a box is piecewise affine: coordinates at a bound stay there
    under small changes, so that the adjoint system of  u* = clip(u* - tau grad f(u*))  shrinks to the free
    ones. Everything comes from automatic differentiation of the step. On l1 denoising (the dual, a box) it
    gives the `ClosedForm`'s gradient by another way. Source: Bertrand et al., 2020 and 2022.

    Args:
        linear: solver of the reduced system, which is symmetric and semidefinite.
    """

    linear: LinearSolver = Cg()
    traits = MethodTraits()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for l1 denoising by `DualFista`, else why not."""
        if isinstance(lower.regularizer, GroupRegularizer):
            name = type(lower.regularizer).__name__
            return (
                f"{name} bounds groups of dual variables by their norms, not each by itself; ClosedForm and "
                "Implicit(on='fixed-point') differentiate it"
            )
        if isinstance(solver, DualFista):
            return None
        return f"{type(solver).__name__} is no proximal gradient iteration; DualFista is one, on the dual"

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Solve the reduced system, and pull its solution through one step."""
        solver, lower = solved.solver, solved.lower
        assert isinstance(solver, DualFista)
        held: DualFistaState = solver.restart(lower, solved.solution.state)
        u = held.u
        free = jnp.abs(u) < analysis_regularizer(lower).weight_like(u)

        def advance(lower: LowerLevel, u: Array) -> Array:
            return solver.step(lower, held._replace(u=u, z=u)).u

        def read(lower: LowerLevel, u: Array) -> Array:
            return solver.iterate(lower, held._replace(u=u, z=u))

        directly, r = jax.vjp(read, lower, u)[1](cotangent)
        back = jax.vjp(lambda u: advance(lower, u), u)[1]

        def reduced(w: Array) -> Array:
            inside = jnp.where(free, w, jnp.zeros_like(w))
            return jnp.where(free, inside - back(inside)[0], jnp.zeros_like(w))

        found = self.linear.solve_linear(reduced, jnp.where(free, r, jnp.zeros_like(r)))
        inside = jnp.where(free, found.value, jnp.zeros_like(r))
        # Coordinates at a bound see the others through one step.
        w = jnp.where(free, inside, r + back(inside)[0])
        across = jax.vjp(lambda lower: advance(lower, u), lower)[1](w)[0]
        account = Backward(found.residual, found.steps, jnp.sum(free), converged=found.converged)
        return jax.tree.map(jnp.add, directly, across), account
