"""What every upper level offers, and what it says of its steps."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.regularizer import Regularizer
from ...problems.values.traits import traits
from .upper_loss import LossBounds
from .upper_problem import UpperProblem


class LowerWork(NamedTuple):
    """What the lower levels of one step of training have cost, over all pairs, rounds and trials.

    Attributes:
        gradients: evaluations of the energy's gradient: steps of a solver and looks at its residual.
        products: of the Hessian with a vector, in the adjoint equations.
    """

    gradients: Int[Array, ""]
    products: Int[Array, ""]

    @property
    def total(self) -> Int[Array, "*batch"]:
        """Both; a product costs about as much as a gradient."""
        return self.gradients + self.products


class StepAccount(NamedTuple):
    """What a step says of itself.

    Attributes:
        taken: whether the parameters moved. A step that could not be trusted leaves them as they were.
        gradient_norm: of the inexact hypergradient, by all of the regulariser's parameters.
        gradient_bound: of its error, in the same norm; infinite where nothing was certified.
        certified_fall: by at least so much has the loss at the exact solutions fallen; 0 where that is open.
        rounds: how often lower levels and adjoint equations were solved for one hypergradient.
        trials: lengths that the line search tried; 1 without a search.
        work: of this step; of `init`, before the first.
    """

    taken: Bool[Array, ""]
    gradient_norm: Float[Array, ""]
    gradient_bound: Float[Array, ""]
    certified_fall: Float[Array, ""]
    rounds: Int[Array, ""]
    trials: Int[Array, ""]
    work: LowerWork


class StepDemand(NamedTuple):
    """What a step begins with; infinite where an upper level has no such number.

    Attributes:
        accuracy: bound of ||x - x*|| / sqrt(n) that its solves are asked for, n the number of pixels.
        adjoint_accuracy: relative residual that adjoint equations are asked for.
        step_size: the first one that is tried.
    """

    accuracy: Float[Array, ""]
    adjoint_accuracy: Float[Array, ""]
    step_size: Float[Array, ""]


@traits
class UpperTraits:
    """Say what an upper level certifies.

    Attributes:
        bounds_loss: whether a state's `least` and `most` bound the loss at the exact solutions.
        certifies_descent: whether a step that is taken has certainly lowered it.
    """

    bounds_loss: bool = True
    certifies_descent: bool = False


def nothing_yet(dtype: Any) -> StepAccount:
    """Return the account of a step that has not begun: nothing taken, nothing known of a gradient."""
    zero, unknown = jnp.zeros((), jnp.int32), jnp.asarray(jnp.inf, dtype)
    none = jnp.zeros((), dtype)
    return StepAccount(jnp.zeros((), bool), unknown, unknown, none, zero, zero, LowerWork(zero, zero))


@runtime_checkable
class UpperState(Protocol):
    """What the states of all upper levels hold."""

    @property
    def regularizer(self) -> Any:
        """The parameters."""
        ...

    @property
    def x(self) -> Float[Array, "pairs ..."]:
        """The approximate solutions, one per pair."""
        ...

    @property
    def loss(self) -> LossBounds:
        """The loss that the step knows."""
        ...

    @property
    def account(self) -> StepAccount:
        """What the last step says of itself."""
        ...


@runtime_checkable
class UpperLevel(Protocol):
    """A way to train a regulariser: a frozen dataclass of settings; its state is a NamedTuple.

    `init` and `step` are pure and compose with `jit`; a loop over `step` is training.
    """

    @property
    def traits(self) -> UpperTraits:
        """What it certifies."""
        ...

    def supports(self, problem: UpperProblem, regularizer: Regularizer) -> str | None:
        """Return None if what this upper level promises holds for the lower levels, else why not."""
        ...

    def init(self, problem: UpperProblem, regularizer: Regularizer) -> Any:
        """Make the first state, at these parameters.

        Raises:
            ValueError: if the lower levels are not supported, with the reason.
        """
        ...

    def step(self, problem: UpperProblem, state: Any) -> Any:
        """Advance by one step of training."""
        ...

    def demand(self, state: Any) -> StepDemand:
        """Return what the next step begins with."""
        ...


@runtime_checkable
class BatchLevel(UpperLevel, Protocol):
    """An upper level whose steps take some of the pairs, which others may choose for it."""

    @property
    def batch(self) -> int:
        """How many pairs a step takes."""
        ...

    def step_on(self, problem: UpperProblem, state: Any, numbers: Int[Array, " batch"]) -> Any:
        """Advance by one step on the pairs with these numbers."""
        ...


def require_upper_level(level: UpperLevel, problem: UpperProblem, regularizer: Regularizer) -> None:
    """Raise `ValueError` with the reason where an upper level does not apply."""
    reason = level.supports(problem, regularizer)
    if reason is not None:
        raise ValueError(f"{level!r} does not apply: {reason}")
