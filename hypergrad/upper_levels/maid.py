"""Gradient descent that chooses the accuracy of lower level and adjoint by certified descent."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.regularizer import Regularizer
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ..bounds.error_bound import no_error_bound
from .line_search import Backtracking, Evaluated, Ray, Searched
from .pair_solves import MeanGradient, PairSolves, distances, gradient_bound, tolerances_for
from .parameter_step import squared_distance, squared_size, stepped
from .upper_level import LowerWork, StepAccount, StepDemand, UpperTraits, nothing_yet, require_upper_level
from .upper_loss import LossBounds
from .upper_problem import UpperProblem

LOOSEST_ADJOINT = 0.9
"""From 1 on an adjoint of zero would pass for a solution."""


class MaidState(NamedTuple):
    """Where training stands.

    Attributes:
        regularizer: the parameters.
        x: approximate solutions, one per pair.
        adjoint: approximate adjoints, one per pair.
        loss: at the parameters, with bounds of what it is at the exact solutions.
        accuracy: bound of ||x - x*|| / sqrt(n) that the next step begins with, n the number of pixels.
        adjoint_accuracy: relative residual of the adjoint equation that it begins with.
        step_size: that its line search begins with.
        account: of the last step.
    """

    regularizer: Any
    x: Float[Array, "pairs ..."]
    adjoint: Float[Array, "pairs ..."]
    loss: LossBounds
    accuracy: Float[Array, ""]
    adjoint_accuracy: Float[Array, ""]
    step_size: Float[Array, ""]
    account: StepAccount


@configuration
class Maid:
    """Take gradient steps that certainly lower the loss, with lower levels solved no further than that needs.

    A step first solves lower levels and adjoint equations to the accuracies that it has, and bounds the error
    of the hypergradient z (`gradient_bound`). It is a direction of descent if

        bound <= (1 - margin) ||theta - P(theta - a z)|| / a,

    a the step size and P the projection on the parameters' range; without a range that is ||z||. Then a line
    search (`Backtracking`) tries step sizes until the *upper* bound of the loss behind the step lies enough
    below the *lower* bound of the loss before it. Where there is no descent, or no step passes, both
    accuracies are multiplied by `tighten`, and the round is made again. After a step they are multiplied by
    `loosen`, and the step size by `grow`.

    What is certified: whenever `account.taken`, the loss at the *exact* solutions has fallen by at least
    `search.decrease` ||theta+ - theta||^2 / a. It follows from ||x - x*|| <= ||grad E(x)|| / mu alone, mu the
    strong convexity of the energy, as measured behind each solve; that an accuracy was reached, or that z is
    a direction of descent, is not used. A step without certified descent within `most_rounds` leaves the
    parameters as they are, with `account.taken` False: at a stationary point, at the limits of the dtype, or
    where an accuracy is beyond `solves`; the tightened accuracies are kept, so that the next step goes on.

    Source: Salehi, Mukherjee, Roberts and Ehrhardt, 2024 (MAID). Deviations: accuracies are relative, of the
    root mean square over pixels and of the adjoint's right-hand side; the projection is added; the loss is
    bounded over a ball and not by a quadratic.

    Args:
        accuracy: of the lower level at the start, root mean square over pixels; this and the next two may be
            arrays, so that one compiled program serves many.
        adjoint_accuracy: relative residual of the adjoint equation at the start.
        step_size: at the start.
        margin: share of the hypergradient's norm that its error must leave.
        search: the line search; its `decrease` must be below `margin`.
        tighten: factor of the accuracies where a round fails.
        loosen: factor of the accuracies behind a step.
        grow: factor of the step size behind a step.
        most_rounds: in one step.
        most_trials: of the line search in the first round of a step; one more in each further round.
        solves: solvers of lower level and adjoint equation, and their limits.

    Raises:
        ValueError: if a number is out of its range.
    """

    accuracy: float | Float[Array, ""] = 0.1
    adjoint_accuracy: float | Float[Array, ""] = 0.1
    step_size: float | Float[Array, ""] = 1.0
    margin: float = 0.1
    search: Backtracking = Backtracking()
    tighten: float = 0.5
    loosen: float = 1.1
    grow: float = 1.25
    most_rounds: int = 20
    most_trials: int = 6
    solves: PairSolves = PairSolves()
    traits = UpperTraits(certifies_descent=True)

    def __post_init__(self) -> None:
        positive = (self.accuracy, self.adjoint_accuracy, self.step_size)
        loose = is_known(self.adjoint_accuracy) and self.adjoint_accuracy >= 1
        if loose or not all(one > 0 for one in positive if is_known(one)):
            raise ValueError(
                "accuracy and step_size must be positive and adjoint_accuracy between 0 and 1; "
                f"got {self.accuracy}, {self.step_size} and {self.adjoint_accuracy}"
            )
        if not self.search.decrease < self.margin < 1:
            raise ValueError(
                f"margin must be above the search's decrease, {self.search.decrease}, and below 1; "
                f"got {self.margin}"
            )
        if not (0 < self.tighten < 1 and self.loosen >= 1 and self.grow >= 1):
            raise ValueError(
                "tighten must be between 0 and 1, loosen and grow at least 1; "
                f"got {self.tighten}, {self.loosen} and {self.grow}"
            )
        if min(self.most_rounds, self.most_trials) < 1:
            raise ValueError(
                "most_rounds and most_trials must be at least 1; "
                f"got {self.most_rounds} and {self.most_trials}"
            )

    def supports(self, problem: UpperProblem, regularizer: Regularizer) -> str | None:
        """Return None if the hypergradient's error has a bound and the solver applies, else why not."""
        lower = problem.any_lower(regularizer)
        return no_error_bound(lower) or self.solves.solver.supports(lower)

    def init(self, problem: UpperProblem, regularizer: Regularizer) -> MaidState:
        """Solve the lower levels to the first accuracy."""
        require_upper_level(self, problem, regularizer)
        first = self.solves.first(problem, regularizer)
        accuracy, adjoint_accuracy, step_size = (
            jnp.asarray(number, first.dtype)
            for number in (self.accuracy, self.adjoint_accuracy, self.step_size)
        )
        found = self._evaluate(problem, accuracy, regularizer, first)
        account = nothing_yet(first.dtype)
        return MaidState(
            regularizer,
            found.x,
            jnp.zeros_like(found.x),
            found.loss,
            accuracy,
            adjoint_accuracy,
            step_size,
            account._replace(work=account.work._replace(gradients=found.gradients)),
        )

    def step(self, problem: UpperProblem, state: MaidState) -> MaidState:
        """Make rounds until one has certainly lowered the loss, or all are used up."""

        def running(now: MaidState) -> Bool[Array, ""]:
            return ~now.account.taken & (now.account.rounds < self.most_rounds)

        begun = state._replace(account=nothing_yet(state.x.dtype))
        return jax.lax.while_loop(running, lambda now: self._round(problem, now), begun)

    def demand(self, state: MaidState) -> StepDemand:
        return StepDemand(state.accuracy, state.adjoint_accuracy, state.step_size)

    def _round(self, problem: UpperProblem, state: MaidState) -> MaidState:
        """Form a hypergradient, and search along it if it is certainly a direction of descent."""
        here = self._evaluate(problem, state.accuracy, state.regularizer, state.x)
        gradient = self.solves.gradient(
            problem, state.regularizer, here.x, state.adjoint, state.adjoint_accuracy
        )
        bound = gradient_bound(problem, state.regularizer, here.x, gradient.adjoint)
        ray = Ray(state.regularizer, here.x, here.loss, gradient.value, state.step_size)
        most = jnp.where(self._descends(ray, bound), self.most_trials + state.account.rounds, 0)
        found = self.search.search(
            ray, lambda regularizer, x: self._evaluate(problem, state.accuracy, regularizer, x), most
        )
        return self._following(state, here, gradient, bound, found)

    def _descends(self, ray: Ray, bound: Float[Array, ""]) -> Bool[Array, ""]:
        """Tell whether going against the gradient certainly lowers the loss at first."""
        there = stepped(ray.regularizer, ray.gradient, ray.step_size)
        move = jnp.sqrt(squared_distance(there, ray.regularizer)) / ray.step_size
        return bound <= (1 - self.margin) * move

    def _following(
        self,
        state: MaidState,
        here: Evaluated,
        gradient: MeanGradient,
        bound: Float[Array, ""],
        found: Searched,
    ) -> MaidState:
        before = state.account
        work = LowerWork(
            before.work.gradients + here.gradients + found.gradients,
            before.work.products + gradient.products,
        )
        factor = jnp.where(found.enough, self.loosen, self.tighten).astype(state.accuracy.dtype)
        return MaidState(
            found.regularizer,
            found.x,
            gradient.adjoint,
            found.loss,
            factor * state.accuracy,
            jnp.minimum(factor * state.adjoint_accuracy, LOOSEST_ADJOINT),
            jnp.where(found.enough, self.grow * found.step_size, state.step_size),
            StepAccount(
                found.enough,
                jnp.sqrt(squared_size(gradient.value)),
                bound,
                jnp.where(found.enough, here.loss.least - found.loss.most, 0.0),
                before.rounds + 1,
                before.trials + found.trials,
                work,
            ),
        )

    def _evaluate(
        self,
        problem: UpperProblem,
        accuracy: Float[Array, ""],
        regularizer: Regularizer,
        x: Float[Array, "pairs ..."],
    ) -> Evaluated:
        """Solve the lower levels to an accuracy, and bound the loss by what was reached."""
        tolerances = tolerances_for(problem, regularizer, accuracy)
        found = self.solves.solve(problem, regularizer, x, tolerances)
        loss = problem.certified_loss(found.x, distances(problem, regularizer, found.x))
        # The bound of the distance takes one gradient more for each pair.
        return Evaluated(found.x, loss, found.gradients + problem.count)
