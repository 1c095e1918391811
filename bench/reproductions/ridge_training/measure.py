"""The cases: baselines with tuned weights, and ridge regularisers trained with two gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....problems import Denoising, Regularizer
from ....solvers.solver import Outcome
from ...catalogue.catalogue import built_in
from ...machine.threads import fix_blas_threads
from ...measure.outcome_status import status_of
from ...records.status import Status
from ...restoring.baselines import BASELINES, baseline
from ...restoring.evaluation import (
    CONVERGED,
    Judged,
    Restorer,
    Setting,
    averaged,
    judge,
    measured_quality,
    tune,
)
from ...restoring.image_set import Picture
from ...training.training_step import DIVERGED
from ..relative_error import finite
from ..user_images import images_in_words
from .problem import NOISE, SEED, TAKEN, RidgeSize, single
from .rows import BASELINE, CURVE, LEARNED, NOISY, TEST, CurveRow, QualityRow
from .training import IMPLICIT, LOOKED, ONE_STEP, EqualTime, HeldOutPoint, train_for_equal_time


@dataclass(frozen=True)
class BaselinesCase:
    """Regularisers that everybody knows, and the noisy images themselves."""

    images: Path | None
    size: RidgeSize

    @property
    def name(self) -> str:
        """Say what is restored with, and of what size."""
        return f"baselines, {images_in_words(self.images)}, {self.size.tested_in_words}"

    def measure(self, quick: bool) -> list[QualityRow]:
        """Tune every weight on crops of the training photographs, and restore the test images.

        A quick run has the two total variations alone.
        """
        size = self.size
        tested, tuning = size.test_pictures(self.images), size.tuning_pictures()
        noisy = [one for picture in tested if (one := measured_quality(_setting(None), picture))]
        rows = [_quality(self, quick, NOISY, "", noisy)]
        for name in list(BASELINES)[:2] if quick else BASELINES:
            restorer = Restorer(name, single(baseline(name)), NOISE)
            tuned = tune(_setting(None), restorer, tuning, _unseen)
            regularizer: Any = restorer.regularizer
            scaled = regularizer.times(tuned.factor)
            row = _quality(
                self, quick, BASELINE, name, [judge(_setting(None), scaled, one) for one in tested]
            )
            row["weight"] = tuned.factor
            missed = sum(judge(_setting(None), scaled, one).status != CONVERGED for one in tuning)
            if row["status"] == Status.OK.value and (missed or tuned.at_the_edge):
                row["status"] = Status.MAX_STEPS.value
                row["reason"] = (
                    f"the weight rests on {missed} crops whose solves did not converge"
                    if missed
                    else "the weight is the last one that was tried: a further one may be better"
                )
            rows.append(row)
        return rows


@dataclass(frozen=True)
class TrainedRidge:
    """One ridge regulariser, trained with either gradient for equal time."""

    kind: str
    images: Path | None
    size: RidgeSize

    @property
    def name(self) -> str:
        """The regulariser, what it is trained and tested on, and for how long."""
        tested = f"{images_in_words(self.images)}, {self.size.tested_in_words}"
        return f"{self.kind}, {tested}, {self.size.trained_in_words}"

    def measure(self, quick: bool) -> list[CurveRow | QualityRow]:
        """Train, in turns, and restore the test images."""
        fix_blas_threads()
        size = self.size
        tested = size.test_pictures(self.images)
        gradients = IMPLICIT, ONE_STEP
        trained = train_for_equal_time(size, self.kind, gradients, size.held_out_pairs(tested))
        rows: list[CurveRow | QualityRow] = []
        for gradient, training in trained.items():
            rows += self._curve(gradient, training, quick)
            rows.append(self._test(gradient, training, tested, quick))
        return rows

    def _curve(self, gradient: str, training: EqualTime, quick: bool) -> list[CurveRow]:
        status, reason = _ending(training)
        return [
            CurveRow(
                what=CURVE,
                case=self.name,
                quick=quick,
                contestant=_contestant(self.kind, gradient),
                status=status.value,
                reason=reason,
                **point._asdict(),
            )
            for point in training.curve
        ]

    def _test(self, gradient: str, training: EqualTime, tested: Sequence[Picture], quick: bool) -> QualityRow:
        learned: Regularizer = training.trainer.learned(training.state)
        judged = [judge(_setting("lbfgs"), learned, one) for one in tested]
        row = _quality(self, quick, LEARNED, self.kind, judged)
        status, reason = _ending(training)
        if status is not Status.OK:
            row["status"], row["reason"] = status.value, reason
        last = training.curve[-1]
        row["contestant"], row["gradient"] = _contestant(self.kind, gradient), gradient
        row["steps"], row["seconds"] = last.steps, last.seconds
        row["not_taken"] = last.solve_missed + last.adjoint_missed
        return row


def _contestant(kind: str, gradient: str) -> str:
    return f"{kind}, {gradient} gradients"


def _setting(solver: str | None) -> Setting:
    return Setting(Denoising(NOISE), SEED, solver, LOOKED.max_steps, float(LOOKED.tolerance), built_in())


def _unseen(factor: float, psnr: float) -> None:
    del factor, psnr


def steps_taken(last: HeldOutPoint) -> tuple[Status, str]:
    """Say whether so few steps of a training were refused that it counts, with a sentence if not."""
    skipped = last.solve_missed + last.adjoint_missed
    if last.steps - skipped >= TAKEN * last.steps:
        return Status.OK, ""
    status = Status.MAX_STEPS if last.solve_missed else Status.ADJOINT_MISSED
    return status, f"{skipped} of {last.steps} steps were not taken"


def _ending(training: EqualTime) -> tuple[Status, str]:
    if training.going_on:
        return steps_taken(training.curve[-1])
    if int(training.state.ended) == DIVERGED:
        return Status.DIVERGED, "training diverged; the last good parameters are kept"
    return Status.FAILED, f"training is stuck: {training.trainer.recipe.patience} steps in a row failed"


def _quality(
    case: BaselinesCase | TrainedRidge, quick: bool, kind: str, name: str, judged: list[Judged]
) -> QualityRow:
    mean = averaged(judged)
    missed = [one.status for one in judged if one.status not in (CONVERGED, "")]
    status = status_of(Outcome[missed[0].upper()]) if missed else Status.OK
    return QualityRow(
        what=TEST,
        case=case.name,
        quick=quick,
        contestant=name or "the noisy images",
        kind=kind,
        regularizer=name,
        gradient="",
        status=status.value,
        reason=mean.status if missed else "",
        data=images_in_words(case.images),
        images=len(judged),
        weight=None,
        psnr=finite(mean.psnr),
        ssim=finite(mean.ssim),
        steps=0,
        not_taken=0,
        seconds=0.0,
    )
