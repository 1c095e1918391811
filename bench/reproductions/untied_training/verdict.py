"""By which rule untied training is judged, and what the rows say."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import NamedTuple

from ...records.status import Status
from ..counted import Counted
from .rows import ACCELERATED, TIED, UNTIED, EquilibriumTrainingRow, FaceStepRow

SLACK, FASTER = 1e-3, 10.0
PUBLISHED_FORWARD, PUBLISHED_BACKWARD = 151.0, 157.0
"""Seconds of the authors' code on two cores: 1000 iterations each way on ten faces."""
FIT = "the untied model's training error is no larger"
FIT_MISSED = f"{FIT}, of trainings whose adjoints missed"
RULE = (
    "A pair is a tied and an untied training of one setting and one seed: with the same images, noise, start "
    "and batches. The untied model fits no worse if its mean squared error on all training images, at the "
    f"equilibria of the trained weights, is at most {1 + SLACK:g} times the tied one's; "
    f"{SLACK:g} is the tolerance of the equilibria. Pairs of which both are ok are judged. Those that are at "
    "worst adjoint_missed or max_steps in training, as iterations stopped at the authors' limit of 50, are "
    "judged apart, if all equilibria of the trained weights were found. Left out are pairs with a step that "
    "was not taken, or with an equilibrium that was not found: what went away is never averaged in. Claim C2 "
    "holds if every judged pair of both groups fits no worse, and in direction if those of one group do. "
    "Who generalises is counted on test images, and not judged: the paper leaves it open. Speed: a step on "
    f"faces takes at most a {FASTER:g}th of the {PUBLISHED_FORWARD + PUBLISHED_BACKWARD:g} s of the authors' "
    "code, with residuals no larger than those of 1000 plain iterations (or ten times the precision)."
)


class TrainedPair(NamedTuple):
    """A tied and an untied training of one setting and seed."""

    tied: EquilibriumTrainingRow
    untied: EquilibriumTrainingRow

    @property
    def is_exact(self) -> bool:
        """Whether every solve and every adjoint of both reached its tolerance."""
        return all(row["status"] == Status.OK.value for row in self)

    @property
    def is_judged(self) -> bool:
        """Whether both took all their steps, and all equilibria of the trained weights were found."""
        return all(
            not (row["not_taken"] or row["missed_equilibria"] or row["diverged_equilibria"])
            and row["training_error"] is not None
            and row["test_error"] is not None
            for row in self
        )

    @property
    def training_ratio(self) -> float:
        """The untied training error over the tied one."""
        return _ratio(self.untied["training_error"], self.tied["training_error"])

    @property
    def test_ratio(self) -> float:
        """The untied test error over the tied one."""
        return _ratio(self.untied["test_error"], self.tied["test_error"])


def pairs_of(rows: Sequence[EquilibriumTrainingRow]) -> list[TrainedPair]:
    """Join what has the same setting and seed."""
    tied = {(row["setting"], row["seed"]): row for row in rows if row["model"] == TIED}
    untied = {(row["setting"], row["seed"]): row for row in rows if row["model"] == UNTIED}
    return [TrainedPair(tied[key], untied[key]) for key in tied if key in untied]


def count_fits(rows: Sequence[EquilibriumTrainingRow]) -> list[Counted]:
    """Judge training errors, of exact trainings and of those whose adjoints missed where there are any."""
    pairs = pairs_of(rows)
    judged = [one for one in pairs if one.is_judged]
    exact = [one for one in judged if one.is_exact]
    missed = [one for one in judged if not one.is_exact]
    out = len(pairs) - len(judged)
    groups = [Counted(name, *_fits(some)) for name, some in ((FIT, exact), (FIT_MISSED, missed)) if some]
    groups = groups or [Counted(FIT, 0, 0)]
    return [replace(groups[0], left_out=f"{out} pairs" if out else ""), *groups[1:]]


def who_generalises(rows: Sequence[EquilibriumTrainingRow]) -> str:
    """Say in how many judged pairs the untied model's test error is the smaller one; empty for none."""
    ratios = [one.test_ratio for one in pairs_of(rows) if one.is_judged]
    if not ratios:
        return ""
    smaller = sum(one < 1 for one in ratios)
    return (
        f"The untied model's test error is the smaller one in {smaller} of {len(ratios)} judged pairs "
        f"({_spread(ratios)})"
    )


def count_speed(rows: Sequence[FaceStepRow]) -> Counted:
    """Judge accelerated steps of the authors' size against their seconds; quick ones are smaller."""
    ours = [row for row in rows if row["contestant"] == ACCELERATED and not row["quick"]]
    seconds = [
        row["forward_seconds"] + row["backward_seconds"] for row in ours if row["status"] == Status.OK.value
    ]
    limit = (PUBLISHED_FORWARD + PUBLISHED_BACKWARD) / FASTER
    missed = len(ours) - len(seconds)
    return Counted(
        f"a step on faces takes at most {limit:.3g} s, to the same residuals",
        sum(one <= limit for one in seconds),
        len(seconds),
        f"{min(seconds):.3g} to {max(seconds):.3g} s" if seconds else "",
        f"{missed} that missed them" if missed else "",
    )


def _fits(pairs: Sequence[TrainedPair]) -> tuple[int, int, str]:
    ratios = [one.training_ratio for one in pairs]
    return sum(one <= 1 + SLACK for one in ratios), len(ratios), _spread(ratios)


def _spread(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    deviation = f" ± {stdev(ratios):.2g}" if len(ratios) > 1 else ""
    return f"{mean(ratios):.3g}{deviation} of the tied one's, {min(ratios):.3g} to {max(ratios):.3g}"


def _ratio(untied: float | None, tied: float | None) -> float:
    assert untied is not None
    assert tied is not None
    return untied / tied if tied else float("inf")
