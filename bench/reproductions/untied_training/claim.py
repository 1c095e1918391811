"""Untied against tied weights, trained as equilibrium models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....problems.values.configuration import configuration
from ...machine.threads import fix_blas_threads
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow
from .face_speed import measure_face_step
from .findings import untied_findings
from .grid import (
    FACE_SETTING,
    ITERATIONS,
    MODELS,
    QUICK_FACE_SIZE,
    QUICK_ITERATIONS,
    SEEDS,
    WHOLE_FACE_SIZE,
    images_of,
    schedule_of,
    trained_settings,
)
from .image_sets import FACES, ImageSource, require_images
from .measure import TrainingTask, measure_step_sizes, measure_training
from .page import make_page
from .recorded_rows import read_untied
from .rows import AnyUntiedRow
from .settings import BASE, DigitSetting, FaceSetting
from .training import Schedule


@dataclass(frozen=True)
class PairCase:
    """A tied and an untied training of one setting from one seed."""

    setting: DigitSetting | FaceSetting
    seed: int
    images: ImageSource
    schedule: Schedule

    @property
    def name(self) -> str:
        """What its numbers depend on, so that none of other sizes or other images goes beside them."""
        return (
            f"{self.setting.name}, seed {self.seed}, {self.images.name}, {self.schedule.epochs} epochs in "
            f"batches of {self.schedule.batch}"
        )

    def measure(self, quick: bool) -> list[AnyUntiedRow]:
        """Train both; with the first setting look at other step sizes as well."""
        task = TrainingTask(self.setting, self.images.split(self.seed), self.seed, self.schedule)
        rows = list[AnyUntiedRow]()
        for model in MODELS:
            row, weights = measure_training(task, model, quick)
            rows.append(row)
            if self.setting == BASE:
                rows += measure_step_sizes(task, model, weights, quick)
        return rows


@dataclass(frozen=True)
class FaceStepCase:
    """One timed step of training on faces, against so many plain iterations."""

    setting: FaceSetting
    images: ImageSource
    iterations: int

    @property
    def name(self) -> str:
        """Say what is timed."""
        return f"one step, {self.setting.name}, {self.images.name}, {self.iterations} iterations"

    def measure(self, quick: bool) -> list[AnyUntiedRow]:
        """Time the untied model, which starts as the tied one: only their gradients differ."""
        return [*measure_face_step(self.setting, self.images.split(0), self.iterations, quick)]


@configuration
class UntiedTraining:
    """Do untied weights fit better than tied ones, and who generalises?

    Source: Riccio, Ehrhardt and Benning, 2022 (arXiv 2206.13193), claim C2.

    Args:
        images: a folder with `mnist/`, an IDX file of digits, and `celeba20/`, images of faces; crops of
            photographs stand in their place for None.
    """

    images: Path | None = None

    def of_images(self, folder: Path) -> "UntiedTraining":
        """Return the same on the digits and faces of a folder."""
        return UntiedTraining(folder)

    def cases(self, quick: bool) -> Sequence[PairCase | FaceStepCase]:
        """Return the step on faces, then the pairs of every seed.

        Raises:
            UserError: if the folder lacks digits or faces, or has too few, smaller or unreadable ones.
        """
        step = FaceStepCase(
            FACE_SETTING,
            ImageSource(FACES, self.images, QUICK_FACE_SIZE if quick else WHOLE_FACE_SIZE),
            QUICK_ITERATIONS if quick else ITERATIONS,
        )
        pairs = [
            PairCase(setting, seed, images_of(setting, self.images, quick), schedule_of(setting, quick))
            for seed in (SEEDS[:1] if quick else SEEDS)
            for setting in trained_settings(quick)
        ]
        require_images([*(one.images for one in pairs), step.images])
        return [step, *pairs]

    def measure(self, case: PairCase | FaceStepCase, quick: bool) -> list[AnyUntiedRow]:
        """Measure one case."""
        fix_blas_threads()
        return case.measure(quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figures and verdict."""
        return make_page(read_untied(rows))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the finding on claim C2."""
        return untied_findings(read_untied(rows))
