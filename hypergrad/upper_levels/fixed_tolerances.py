"""Gradient descent at tolerances that stay what they are, with nothing certified."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.regularizer import Regularizer
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ..adjoint_equation import no_hessian
from .line_search import Backtracking, Evaluated, Ray
from .pair_solves import PairSolves
from .parameter_step import squared_size
from .upper_level import LowerWork, StepAccount, StepDemand, UpperTraits, nothing_yet, require_upper_level
from .upper_loss import LossBounds
from .upper_problem import UpperProblem


class FixedTolerancesState(NamedTuple):
    """Where training stands.

    Attributes:
        regularizer: the parameters.
        x: approximate solutions, one per pair.
        adjoint: approximate adjoints, one per pair.
        loss: at x, for which all three numbers stand: the solutions are taken to be exact. Between minus
            infinity and infinity where a solve at the start missed its tolerance.
        step_size: that the next line search begins with.
        account: of the last step; no error of a gradient is bounded.
    """

    regularizer: Any
    x: Float[Array, "pairs ..."]
    adjoint: Float[Array, "pairs ..."]
    loss: LossBounds
    step_size: Float[Array, ""]
    account: StepAccount


@configuration
class FixedTolerances:
    """Take gradient steps with lower levels and adjoints solved to tolerances that are given once.

    The same line search and step sizes as `Maid`, but the loss at the approximate solutions is taken to be
    the loss: nothing is certified, and where the tolerances are too loose the true loss may rise. What one
    has to know is how loose they may be. A step is only taken if every solve and adjoint equation behind it
    met its tolerance and the computed loss has fallen; else `account.taken` is False, the parameters stay,
    and the next step goes on from what was found. Source: Armijo, 1966 (the search).

    Args:
        tolerance: relative residual of the lower level; an array lets one compiled program serve many.
        adjoint_tolerance: relative residual of the adjoint equation.
        step_size: at the start.
        search: the line search.
        grow: factor of the step size behind a step; behind a search that failed it is the last one tried.
        most_trials: of the line search.
        solves: solvers of lower level and adjoint equation, and their limits.

    Raises:
        ValueError: if a number is out of its range.
    """

    tolerance: float | Float[Array, ""] = 1e-4
    adjoint_tolerance: float | Float[Array, ""] = 1e-4
    step_size: float | Float[Array, ""] = 1.0
    search: Backtracking = Backtracking()
    grow: float = 1.25
    most_trials: int = 12
    solves: PairSolves = PairSolves()
    traits = UpperTraits(bounds_loss=False)

    def __post_init__(self) -> None:
        tolerances = (self.tolerance, self.adjoint_tolerance)
        if not all(0 < one < 1 for one in tolerances if is_known(one)):
            raise ValueError(
                "tolerance and adjoint_tolerance must be between 0 and 1; "
                f"got {self.tolerance} and {self.adjoint_tolerance}"
            )
        known = is_known(self.step_size)
        if (known and not self.step_size > 0) or self.grow < 1 or self.most_trials < 1:
            raise ValueError(
                "step_size must be positive, grow and most_trials at least 1; "
                f"got {self.step_size}, {self.grow} and {self.most_trials}"
            )

    def supports(self, problem: UpperProblem, regularizer: Regularizer) -> str | None:
        """Return None for smooth energies that the solver takes, else why not."""
        lower = problem.any_lower(regularizer)
        return no_hessian(lower) or self.solves.solver.supports(lower)

    def init(self, problem: UpperProblem, regularizer: Regularizer) -> FixedTolerancesState:
        """Solve the lower levels to the tolerance; the first step goes on with those that missed it."""
        require_upper_level(self, problem, regularizer)
        first = self.solves.first(problem, regularizer)
        found = self._evaluate(problem, regularizer, first)
        account = nothing_yet(first.dtype)
        account = account._replace(work=account.work._replace(gradients=found.gradients))
        step_size = jnp.asarray(self.step_size, first.dtype)
        return FixedTolerancesState(
            regularizer, found.x, jnp.zeros_like(first), found.loss, step_size, account
        )

    def step(self, problem: UpperProblem, state: FixedTolerancesState) -> FixedTolerancesState:
        """Go against the inexact hypergradient until the computed loss has fallen enough."""
        here = self._here(problem, state)
        tolerance = jnp.asarray(self.adjoint_tolerance, state.x.dtype)
        gradient = self.solves.gradient(problem, state.regularizer, here.x, state.adjoint, tolerance)
        ray = Ray(state.regularizer, here.x, here.loss, gradient.value, state.step_size)
        found = self.search.search(
            ray,
            lambda regularizer, x: self._evaluate(problem, regularizer, x),
            jnp.where(gradient.converged & _is_solved(here.loss), self.most_trials, 0),
        )
        account = nothing_yet(state.x.dtype)._replace(
            work=LowerWork(here.gradients + found.gradients, gradient.products),
            taken=found.enough,
            gradient_norm=jnp.sqrt(squared_size(gradient.value)),
            rounds=jnp.ones((), jnp.int32),
            trials=found.trials,
        )
        step_size = jnp.where(found.enough, self.grow * found.step_size, found.step_size)
        return FixedTolerancesState(
            found.regularizer, found.x, gradient.adjoint, found.loss, step_size, account
        )

    def demand(self, state: FixedTolerancesState) -> StepDemand:
        unknown = jnp.full_like(state.step_size, jnp.inf)  # of a residual no distance follows
        adjoint_tolerance = jnp.asarray(self.adjoint_tolerance, state.step_size.dtype)
        return StepDemand(unknown, adjoint_tolerance, state.step_size)

    def _here(self, problem: UpperProblem, state: FixedTolerancesState) -> Evaluated:
        """Return the solutions at the parameters; go on with solves that have missed the tolerance."""
        return jax.lax.cond(
            _is_solved(state.loss),
            lambda: Evaluated(state.x, state.loss, jnp.zeros((), jnp.int32)),
            lambda: self._evaluate(problem, state.regularizer, state.x),
        )

    def _evaluate(
        self, problem: UpperProblem, regularizer: Regularizer, x: Float[Array, "pairs ..."]
    ) -> Evaluated:
        """Solve the lower levels, and take what was found for the solutions if the tolerance was met."""
        tolerances = jnp.full(problem.count, jnp.asarray(self.tolerance, x.dtype))
        found = self.solves.solve(problem, regularizer, x, tolerances)
        loss = problem.certified_loss(found.x, jnp.zeros_like(tolerances))
        # NaN compares false.
        solved = jnp.all(found.residual <= tolerances)
        least, most = jnp.where(solved, loss.least, -jnp.inf), jnp.where(solved, loss.most, jnp.inf)
        return Evaluated(found.x, LossBounds(least, loss.value, most), found.gradients)


def _is_solved(loss: LossBounds) -> Bool[Array, ""]:
    return jnp.isfinite(loss.most)
