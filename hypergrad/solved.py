"""A lower level that was solved: what a backward pass starts from."""

from typing import cast

from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..problems.values.pytree import pytree, setting
from ..solvers.analysis_l1_problem import DualSolver
from ..solvers.budget import Budget
from ..solvers.solver import Solution, Solver


@pytree
class Solved:
    """Hold a lower level, who solved it with what budget, and the end of that solve.

    A pytree, to cross `jit`, `vmap` and `jax.custom_vjp`: arrays of the lower level and of the solution are
    leaves, and so are arrays among the settings of solver and budget; all else of these is structure.

    Args:
        solver: whose state and step it is.
        budget: that it was given.
        lower: the lower level.
        solution: the end of the solve.
    """

    solver: Solver = setting()
    budget: Budget = setting()
    lower: LowerLevel
    solution: Solution

    @property
    def x(self) -> Float[Array, "..."]:
        """The solution, of the signal's shape."""
        return self.solution.x

    @property
    def dual(self) -> Float[Array, "..."]:
        """The dual variable in the solver's state, of the shape of W x; of a `DualSolver` alone."""
        return cast(DualSolver, self.solver).dual(self.lower, self.solution.state)
