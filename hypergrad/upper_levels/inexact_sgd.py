"""Stochastic gradient descent whose lower levels are solved more accurately from step to step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ...problems.regularizer import Regularizer
from ...problems.values.configuration import configuration
from ..bounds.error_bound import no_error_bound
from .pair_solves import MeanGradient, PairSolves, Solutions, distances, tolerances_for
from .parameter_step import chosen, is_usable, squared_size, stepped
from .schedules import PowerDecay, Schedule
from .upper_level import LowerWork, StepAccount, StepDemand, UpperTraits, nothing_yet, require_upper_level
from .upper_loss import LossBounds
from .upper_problem import UpperProblem


class InexactSgdState(NamedTuple):
    """Where training stands.

    Attributes:
        regularizer: the parameters.
        x: the last approximate solution of every pair.
        adjoint: the last approximate adjoint of every pair.
        loss: of the last batch at the parameters before its step, with bounds of it at the exact solutions;
            between zero and infinity before the first step.
        steps: made, taken or not.
        key: of the next batch.
        account: of the last step; the error of its gradient is not bounded.
    """

    regularizer: Any
    x: Float[Array, "pairs ..."]
    adjoint: Float[Array, "pairs ..."]
    loss: LossBounds
    steps: Int[Array, ""]
    key: Key[Array, ""]
    account: StepAccount


@configuration
class InexactSgd:
    """Take stochastic gradient steps with accuracies and step sizes that follow schedules.

    Step k draws a batch of pairs, all batches equally likely, solves its lower levels until certainly
    ||x - x*|| <= e_k sqrt(n) and its adjoint equations to the relative residual d_k, and sets
    theta <- P(theta - a_k z), z the inexact hypergradient of the batch's mean loss and P the projection on
    the parameters' range.

    Where Hessian and mixed derivatives are Lipschitz, which is what a bound of the hypergradient's error
    takes, that error is of the order of e_k + d_k. With sum a_k infinite and sum a_k^2 and sum a_k (e_k +
    d_k)^2 finite, or growing slower than sum a_k, the smallest expected squared gradient goes to zero. By
    default a_k falls like (1 + k)^(-1/2) and e_k and d_k like (1 + k)^(-1/4), with which the gradient's
    expected norm falls about like k^(-1/4). Nothing is certified of a single step: certified is that the
    accuracies were met; where they were not, or a number is not finite, the step is not taken and
    `account.taken` is False. Source: Salehi, Mukherjee, Roberts and Ehrhardt, 2025 (arXiv 2511.06774).

    Args:
        batch: pairs per step.
        steps: a_k, as a function of k; optax's schedules are such functions.
        accuracies: e_k, root mean square over pixels.
        adjoint_accuracies: d_k, relative.
        seed: of the batches.
        solves: solvers of lower level and adjoint equation, and their limits.

    Raises:
        ValueError: if `batch` is below 1.
    """

    batch: int = 8
    steps: Schedule = PowerDecay(1.0, 0.5)
    accuracies: Schedule = PowerDecay(0.1, 0.25)
    adjoint_accuracies: Schedule = PowerDecay(0.1, 0.25)
    seed: int = 0
    solves: PairSolves = PairSolves()
    traits = UpperTraits()

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1; got {self.batch}")

    def supports(self, problem: UpperProblem, regularizer: Regularizer) -> str | None:
        """Return None if the hypergradient's error has a bound and there is a batch, else why not."""
        if self.batch > problem.count:
            return f"a batch of {self.batch} cannot be drawn from {problem.count} pairs"
        lower = problem.any_lower(regularizer)
        return no_error_bound(lower) or self.solves.solver.supports(lower)

    def init(self, problem: UpperProblem, regularizer: Regularizer) -> InexactSgdState:
        """Begin where the solver does; nothing is solved yet."""
        require_upper_level(self, problem, regularizer)
        x = self.solves.first(problem, regularizer)
        none, zero, unknown = jnp.zeros((), jnp.int32), jnp.zeros((), x.dtype), jnp.asarray(jnp.inf, x.dtype)
        return InexactSgdState(
            regularizer,
            x,
            jnp.zeros_like(x),
            LossBounds(zero, unknown, unknown),
            none,
            jax.random.key(self.seed),
            nothing_yet(x.dtype),
        )

    def step(self, problem: UpperProblem, state: InexactSgdState) -> InexactSgdState:
        """Draw a batch, solve it, and go against its inexact hypergradient."""
        key, draw = jax.random.split(state.key)
        numbers = jax.random.permutation(draw, problem.count)[: self.batch]
        return self.step_on(problem, state._replace(key=key), numbers)

    def step_on(
        self, problem: UpperProblem, state: InexactSgdState, numbers: Int[Array, " batch"]
    ) -> InexactSgdState:
        """Solve a batch that somebody else has drawn, and go against its inexact hypergradient."""
        batch, regularizer = problem.selected(numbers), state.regularizer
        accuracy, adjoint_accuracy, step_size = self.demand(state)
        tolerances = tolerances_for(batch, regularizer, accuracy)
        found = self.solves.solve(batch, regularizer, state.x[numbers], tolerances)
        gradient = self.solves.gradient(batch, regularizer, found.x, state.adjoint[numbers], adjoint_accuracy)
        moved = stepped(regularizer, gradient.value, step_size)
        taken = jnp.all(found.residual <= tolerances) & gradient.converged & is_usable(moved)
        return InexactSgdState(
            chosen(taken, moved, regularizer),
            state.x.at[numbers].set(found.x),
            state.adjoint.at[numbers].set(gradient.adjoint),
            batch.certified_loss(found.x, distances(batch, regularizer, found.x)),
            state.steps + 1,
            state.key,
            _account(found, gradient)._replace(taken=taken),
        )

    def demand(self, state: InexactSgdState) -> StepDemand:
        schedules = (self.accuracies, self.adjoint_accuracies, self.steps)
        return StepDemand(*(jnp.asarray(schedule(state.steps), state.x.dtype) for schedule in schedules))


def _account(found: Solutions, gradient: MeanGradient) -> StepAccount:
    # The bound of the distance takes one gradient more for each pair.
    work = LowerWork(found.gradients + len(found.x), gradient.products)
    one = jnp.ones((), jnp.int32)
    norm = jnp.sqrt(squared_size(gradient.value))
    return nothing_yet(norm.dtype)._replace(gradient_norm=norm, rounds=one, trials=one, work=work)
