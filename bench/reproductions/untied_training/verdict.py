"""By which rule untied training is judged, and what the rows say."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import NamedTuple

from ...records.status import Status
from ..counted import Counted
from .rows import ACCELERATED, TIED, UNTIED, EquilibriumTrainingRow, FaceStepRow

SLACK, LEARNED, FASTER = 1e-3, 0.01, 10.0
PUBLISHED_FORWARD, PUBLISHED_BACKWARD = 151.0, 157.0
"""Seconds of the authors' code on two cores: 1000 iterations each way on ten faces."""
FIT = "the untied model's training error is no larger"
FIT_MISSED = f"{FIT}, of trainings whose iterations missed"
RULE = (
    "A pair is a tied and an untied training of one setting and one seed: with the same images, noise, start "
    "and batches. The untied model fits no worse if its mean squared error on all training images, at the "
    f"equilibria of the trained weights, is at most {1 + SLACK:g} times the tied one's; "
    f"{SLACK:g} is the tolerance of the equilibria. A training fails if a step was not taken, if an "
    f"equilibrium of its weights went away, or if its error is not at least {LEARNED:.0%}, ten times that "
    "tolerance, below the start's. An untied training that fails beside a tied one that does not counts as a "
    "worse fit; pairs whose tied training failed are left out, and so are those with an equilibrium of the "
    "trained weights that was not found in time: what is not known is never averaged in. Pairs in which one "
    "is adjoint_missed or max_steps, as iterations of the training stopped at the authors' limit of 50, are "
    "judged apart. Claim C2 holds if every judged pair fits no worse, some of them without missed iterations "
    "and none left out, and in direction if those of one of both groups do. It is judged when all trainings "
    "are measured. Who generalises is counted on test images, and not judged: the paper leaves it open. "
    f"Speed: a step on faces takes at most a {FASTER:g}th of the {PUBLISHED_FORWARD + PUBLISHED_BACKWARD:g} "
    "s of the authors' code, with residuals no larger than those of 1000 plain iterations (or ten times the "
    "precision)."
)


class TrainedPair(NamedTuple):
    """A tied and an untied training of one setting and seed."""

    tied: EquilibriumTrainingRow
    untied: EquilibriumTrainingRow

    @property
    def is_exact(self) -> bool:
        """Whether no solve and no adjoint of both stopped at its limit."""
        return all(row["status"] not in (Status.MAX_STEPS, Status.ADJOINT_MISSED) for row in self)

    @property
    def is_compared(self) -> bool:
        """Whether both were trained, and all equilibria of the trained weights were found."""
        return all(_is_trained(row) and not row["missed_equilibria"] for row in self)

    @property
    def is_lost(self) -> bool:
        """Whether the untied training failed beside a tied one that did not."""
        tied_is_sound = _is_trained(self.tied) and not self.tied["missed_equilibria"]
        return tied_is_sound and not _is_trained(self.untied)

    @property
    def is_judged(self) -> bool:
        """Whether it is known if the untied model fits."""
        return self.is_compared or self.is_lost

    @property
    def fits(self) -> bool:
        """Whether the untied model fits no worse."""
        return self.is_compared and self.training_ratio <= 1 + SLACK

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
    """Judge training errors, of exact trainings and of those whose iterations missed where there are any."""
    pairs = pairs_of(rows)
    judged = [one for one in pairs if one.is_judged]
    exact = [one for one in judged if one.is_exact]
    missed = [one for one in judged if not one.is_exact]
    out = len(pairs) - len(judged)
    first = replace(_counted(FIT, exact), left_out=f"{out} pairs" if out else "")
    return [first, _counted(FIT_MISSED, missed)] if missed else [first]


def who_generalises(rows: Sequence[EquilibriumTrainingRow]) -> str:
    """Say in how many compared pairs the untied model's test error is the smaller one; empty for none.

    Pairs whose iterations missed are counted apart.
    """
    compared = [one for one in pairs_of(rows) if one.is_compared]
    groups = {
        "": [one.test_ratio for one in compared if one.is_exact],
        " whose iterations missed": [one.test_ratio for one in compared if not one.is_exact],
    }
    return ". ".join(_generalising(which, ratios) for which, ratios in groups.items() if ratios)


def _generalising(which: str, ratios: Sequence[float]) -> str:
    smaller = sum(one < 1 for one in ratios)
    return (
        f"The untied model's test error is the smaller one in {smaller} of {len(ratios)} compared pairs"
        f"{which} ({_spread(ratios)})"
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


def _is_trained(row: EquilibriumTrainingRow) -> bool:
    first, last = row["first_training_error"], row["training_error"]
    if row["not_taken"] or row["diverged_equilibria"] or row["test_error"] is None:
        return False
    return first is not None and last is not None and last <= (1 - LEARNED) * first


def _counted(name: str, pairs: Sequence[TrainedPair]) -> Counted:
    ratios = [one.training_ratio for one in pairs if one.is_compared]
    lost = sum(one.is_lost for one in pairs)
    told = [_spread(ratios), f"{lost} whose untied training alone failed" if lost else ""]
    return Counted(name, sum(one.fits for one in pairs), len(pairs), ", ".join(filter(None, told)))


def _spread(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    deviation = f" ± {stdev(ratios):.2g}" if len(ratios) > 1 else ""
    return f"{mean(ratios):.3g}{deviation} of the tied one's, {min(ratios):.3g} to {max(ratios):.3g}"


def _ratio(untied: float | None, tied: float | None) -> float:
    assert untied is not None
    assert tied is not None
    return untied / tied if tied else float("inf")
