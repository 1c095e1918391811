"""The training problem, and who is trained on it."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ....hypergrad import FixedTolerances, InexactSgd, Maid, PowerDecay, UpperLevel, UpperProblem
from ....problems import Denoising, FieldsOfExperts, Photographs, measure
from ....problems.ground_truth import Split
from .rows import ADAPTIVE, FIXED, STOCHASTIC

FIRST_STEP = 10.0
GIVEN = (1e-1, 1e-2, 1e-4), (1e-1, 1e-2, 1e-3, 1e-4, 1e-6), (1.0, 10.0)
QUICK_GIVEN = (1e-1,), (1e-2, 1e-4), (1.0,)
"""What MAID begins with, the fixed tolerances, and the first step sizes of inexact SGD."""


class UpperContestant(NamedTuple):
    """An upper level under a name, with the accuracy that it was given."""

    name: str
    kind: str
    given: float
    level: UpperLevel


@dataclass(frozen=True)
class TrainedExperts:
    """Denoising by fields of experts: crops to train on, as many to test on, and the work for each crop."""

    side: int
    pairs: int
    seed: int
    work: int

    @property
    def name(self) -> str:
        """Size and seed."""
        return f"{self.size}, seed {self.seed}"

    @property
    def size(self) -> str:
        """The crops' size as rows hold it."""
        return f"{self.side} x {self.side}"

    @property
    def limit(self) -> int:
        """The work for all crops together."""
        return self.work * self.pairs

    def problem(self, split: Split) -> UpperProblem:
        """Measure crops of the photographs of a split, which share no photograph."""
        truths = Photographs().sample((self.side, self.side), self.pairs, self.seed, split)
        # Other noise for the test: a seed has one realisation, whatever the images.
        A, y = measure(Denoising(), truths, 2 * self.seed + (split == "test"))
        return UpperProblem(A, jnp.asarray(y), jnp.asarray(truths))

    def start(self) -> FieldsOfExperts:
        """Return the filters and weights that all begin with."""
        return FieldsOfExperts.initial((self.side, self.side), self.seed)


def all_cases(quick: bool) -> list[TrainedExperts]:
    """Return the cases in the order in which they are measured."""
    if quick:
        return [TrainedExperts(6, 2, 0, 200)]
    return [TrainedExperts(32, 8, seed, 20_000) for seed in range(3)]


def contestants(quick: bool) -> list[UpperContestant]:
    """Return who is trained; tolerances and accuracies are arrays, so that each kind is compiled once."""
    starts, tolerances, sizes = QUICK_GIVEN if quick else GIVEN
    return [
        *(UpperContestant(f"MAID from {one:.0e}", ADAPTIVE, one, _maid(one)) for one in starts),
        *(UpperContestant(f"fixed at {one:.0e}", FIXED, one, _fixed(one)) for one in tolerances),
        *(UpperContestant(f"inexact SGD, steps from {one:g}", STOCHASTIC, 0.1, _sgd(one)) for one in sizes),
    ]


def _maid(accuracy: float) -> Maid:
    given = _number(accuracy)
    return Maid(accuracy=given, adjoint_accuracy=given, step_size=_number(FIRST_STEP))


def _fixed(tolerance: float) -> FixedTolerances:
    given = _number(tolerance)
    return FixedTolerances(given, given, _number(FIRST_STEP))


def _sgd(step_size: float) -> InexactSgd:
    return InexactSgd(batch=2, steps=PowerDecay(step_size), accuracies=PowerDecay(0.1, 0.25))


def _number(value: float) -> Float[Array, ""]:
    return jnp.asarray(value, jnp.float64)
