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
from .problem import FULL, NOISE, QUICK, SEED, single
from .rows import BASELINE, CURVE, LEARNED, NOISY, TEST, CurveRow, QualityRow
from .training import IMPLICIT, LOOKED, ONE_STEP, EqualTime, train_for_equal_time


@dataclass(frozen=True)
class BaselinesCase:
    """Regularisers that everybody knows, and the noisy images themselves."""

    images: Path | None

    @property
    def name(self) -> str:
        """Say what is restored with."""
        return f"baselines, {_tested(self.images)}"

    def measure(self, quick: bool) -> list[QualityRow]:
        """Tune every weight on crops of the training photographs, and restore the test images.

        A quick run has the two total variations alone.
        """
        size = QUICK if quick else FULL
        tested, tuning = size.test_pictures(self.images), size.tuning_pictures()
        noisy = [one for picture in tested if (one := measured_quality(_setting(None), picture))]
        rows = [_quality(self, quick, NOISY, "", noisy)]
        for name in list(BASELINES)[:2] if quick else BASELINES:
            restorer = Restorer(name, single(baseline(name)), NOISE)
            tuned = tune(_setting(None), restorer, tuning, _unseen)
            regularizer: Any = restorer.regularizer
            judged = [judge(_setting(None), regularizer.times(tuned.factor), one) for one in tested]
            rows.append(_quality(self, quick, BASELINE, name, judged))
            rows[-1]["weight"] = tuned.factor
        return rows


@dataclass(frozen=True)
class TrainedRidge:
    """One ridge regulariser, trained with either gradient for equal time."""

    kind: str
    images: Path | None

    @property
    def name(self) -> str:
        """The regulariser, and what it is tested on."""
        return f"{self.kind}, {_tested(self.images)}"

    def measure(self, quick: bool) -> list[CurveRow | QualityRow]:
        """Train, in turns, and restore the test images."""
        fix_blas_threads()
        size = QUICK if quick else FULL
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
        return row


def _tested(images: Path | None) -> str:
    return "photographs" if images is None else f"images of {images.resolve().name!r}"


def _contestant(kind: str, gradient: str) -> str:
    return f"{kind}, {gradient} gradients"


def _setting(solver: str | None) -> Setting:
    return Setting(Denoising(NOISE), SEED, solver, LOOKED.max_steps, float(LOOKED.tolerance), built_in())


def _unseen(factor: float, psnr: float) -> None:
    del factor, psnr


def _ending(training: EqualTime) -> tuple[Status, str]:
    if training.going_on:
        return Status.OK, ""
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
        data=_tested(case.images),
        images=len(judged),
        weight=None,
        psnr=finite(mean.psnr),
        ssim=finite(mean.ssim),
        steps=0,
        seconds=0.0,
    )
