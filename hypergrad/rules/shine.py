"""SHINE: the quasi-Newton inverse of the forward solve, used again backward."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.iterations.curvature_pairs import times_inverse
from ...solvers.iterations.lbfgs import Lbfgs, LbfgsState
from ...solvers.linear.cg import Cg
from ...solvers.linear.linear_solver import checked, normalized
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_equation import contraction_of, no_hessian, of_optimality
from ..adjoint_rule import solve_with_adjoint
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved


@configuration
class Shine:
    """Replace the inverse Hessian of implicit differentiation by the one that L-BFGS built on its way.

    The backward pass costs a few vector products and no product with the Hessian. The approximation is good
    along directions that the forward iteration took, which need not be those of the cotangent: the error has
    no rate. With `refinements`, so many steps of conjugate gradients follow, preconditioned by it.
    Source: Ramzi et al., 2022.

    Args:
        refinements: conjugate-gradient steps after it.

    Raises:
        ValueError: if `refinements` is negative.
    """

    refinements: int = 0
    traits = MethodTraits(exact=False, adjoint_of_energy=True)

    def __post_init__(self) -> None:
        if self.refinements < 0:
            raise ValueError(f"refinements must not be negative; got {self.refinements}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for smooth energies solved by L-BFGS, else why not."""
        reason = no_hessian(lower)
        if reason is not None:
            return reason
        if not isinstance(solver, Lbfgs):
            return f"{type(solver).__name__} builds no approximation of the inverse Hessian; Lbfgs does"
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Apply the quasi-Newton inverse to the cotangent, refine, and pair."""
        state: LbfgsState = solved.solution.state
        equation = of_optimality(solved.lower, solved.x, cotangent)
        guess = apply_inverse(state, cotangent)
        if self.refinements:
            found = Cg(max_steps=self.refinements).solve_linear(
                equation.matvec,
                equation.rhs,
                start=guess,
                # The equation is scaled by tau.
                preconditioner=lambda v: apply_inverse(state, v) / state.step_size,
            )
        else:
            unit, norm = normalized(equation.rhs)
            found = checked(equation.matvec, unit, guess / norm, norm, jnp.zeros((), jnp.int32), None)
        account = Backward(
            found.residual, found.steps, adjoint=found.value, contraction=contraction_of(equation)
        )
        return equation.pull(found.value), account


def apply_inverse(state: LbfgsState, g: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Apply L-BFGS's approximation of the inverse Hessian, by the two-loop recursion on its stored pairs."""
    # The pairs are of tau E, in a unit of x that does not matter to a Hessian's product.
    return state.step_size * times_inverse(state.pairs, g)
