"""What decides every step of a training, beside the pairs and the regulariser that it starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ...hypergrad.method import Method
from ...solvers.budget import Budget
from ...solvers.solver import Solver
from .choices import FailedSteps, Starts
from .parametrization import Parametrization

PairLoss = Callable[[Float[Array, "..."], Float[Array, "..."]], Float[Array, ""]]
"""The upper-level loss of one pair: of the solution x and the truth, to a scalar."""


def mean_squared_error(x: Float[Array, "*shape"], truth: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Return the mean of the squared differences."""
    return jnp.mean(jnp.square(x - truth))


@dataclass(frozen=True, eq=False)
class Recipe:
    """Say how a regulariser is trained.

    Attributes:
        method: which gradient to train with.
        solver: of the lower level.
        budget: how long it may run, and to what tolerance.
        optimizer: from optax, with its rate; it moves the free numbers of `parametrization`.
        parametrization: how parameters are kept in their range, and which are learned.
        batch: pairs per step; the loss is the mean over them.
        seed: of the shuffles of the pairs.
        loss: of one pair.
        failed_steps: "skip" leaves out a step whose solve or adjoint equation missed its tolerance for one
            pair or more; "take" goes on with the gradient that there is. The curve flags both.
        starts: "warm" starts every solve from the pair's last solution, and its adjoint equation from the
            last adjoint, where solver and method can; "cold" from nothing.
        patience: how many steps in a row may fail before the training ends.

    Raises:
        ValueError: if a number is below 1, the seed is negative, or a choice is none of those there are.
    """

    method: Method
    solver: Solver
    budget: Budget
    optimizer: optax.GradientTransformation
    parametrization: Parametrization
    batch: int
    seed: int = 0
    loss: PairLoss = mean_squared_error
    failed_steps: FailedSteps = "skip"
    starts: Starts = "warm"
    patience: int = 100

    def __post_init__(self) -> None:
        if self.batch < 1 or self.patience < 1 or self.seed < 0:
            raise ValueError(
                "batch and patience must be at least 1 and seed at least 0; got "
                f"{self.batch}, {self.patience} and {self.seed}"
            )
        if self.failed_steps not in get_args(FailedSteps):
            raise ValueError(
                f"failed_steps must be one of {get_args(FailedSteps)}; got {self.failed_steps!r}"
            )
        if self.starts not in get_args(Starts):
            raise ValueError(f"starts must be one of {get_args(Starts)}; got {self.starts!r}")
