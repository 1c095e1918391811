"""Untied against tied weights, trained as equilibrium models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ....problems.values.configuration import configuration
from ...machine.threads import fix_blas_threads
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow
from .face_speed import measure_face_step
from .findings import untied_findings
from .image_sets import FACE, SplitSize, digits, faces, require_folders
from .measure import TrainingTask, measure_step_sizes, measure_training
from .page import make_page
from .recorded_rows import read_untied
from .rows import TIED, UNTIED, AnyUntiedRow
from .settings import BASE, DEBLURRING, DENOISING, INPAINTING, SIDE, DigitSetting, FaceSetting
from .training import Schedule

SEEDS = (0, 1, 2)
DIGIT_SETTINGS = (
    BASE,
    replace(BASE, noise=0.5),
    replace(BASE, gamma=1.0),
    replace(BASE, tau=0.1),
    replace(BASE, tau=2.1),
    replace(BASE, task=INPAINTING),
    replace(BASE, task=DEBLURRING),
)
FACE_SETTING = FaceSetting(2, 11)
DIGITS, QUICK_DIGITS = SplitSize(1000, 500, (SIDE, SIDE)), SplitSize(20, 10, (SIDE, SIDE))
FACES, QUICK_FACES = SplitSize(10, 10, (64, 64)), SplitSize(2, 2, (16, 16))
WHOLE_FACES = SplitSize(10, 10, FACE)
DENOISING_SCHEDULE, ILL_POSED_SCHEDULE, QUICK_SCHEDULE = Schedule(100, 10), Schedule(100, 5), Schedule(10, 1)
"""Where the mask or the blur loses something, a step takes ten times as many iterations."""
FACE_SCHEDULE, QUICK_FACE_SCHEDULE = Schedule(10, 50), Schedule(2, 2)
ITERATIONS, QUICK_ITERATIONS = 1000, 30
MODELS = (TIED, UNTIED)


@dataclass(frozen=True)
class PairCase:
    """A tied and an untied training of one setting from one seed."""

    setting: DigitSetting | FaceSetting
    seed: int
    folder: Path | None

    @property
    def name(self) -> str:
        """Setting and seed."""
        return f"{self.setting.name}, seed {self.seed}"

    def measure(self, quick: bool) -> list[AnyUntiedRow]:
        """Train both; with the first setting look at other step sizes as well."""
        task, rows = self._task(quick), list[AnyUntiedRow]()
        for model in MODELS:
            row, weights = measure_training(task, model, quick)
            rows.append(row)
            if self.setting == BASE:
                rows += measure_step_sizes(task, model, weights, quick)
        return rows

    def _task(self, quick: bool) -> TrainingTask:
        if isinstance(self.setting, FaceSetting):
            images = faces(self.folder, QUICK_FACES if quick else FACES, self.seed)
            schedule = QUICK_FACE_SCHEDULE if quick else FACE_SCHEDULE
        else:
            images = digits(self.folder, QUICK_DIGITS if quick else DIGITS, self.seed)
            whole = DENOISING_SCHEDULE if self.setting.task == DENOISING else ILL_POSED_SCHEDULE
            schedule = QUICK_SCHEDULE if quick else whole
        return TrainingTask(self.setting, images, self.seed, schedule)


@dataclass(frozen=True)
class FaceStepCase:
    """One timed step of training on faces."""

    setting: FaceSetting
    folder: Path | None

    @property
    def name(self) -> str:
        """Say what is timed."""
        return f"one step, {self.setting.name}"

    def measure(self, quick: bool) -> list[AnyUntiedRow]:
        """Time the untied model, which starts as the tied one: only their gradients differ."""
        images = faces(self.folder, QUICK_FACES if quick else WHOLE_FACES, 0)
        iterations = QUICK_ITERATIONS if quick else ITERATIONS
        return [*measure_face_step(self.setting, images, iterations, quick)]


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
            UserError: if the folder lacks digits or faces.
        """
        require_folders(self.images)
        settings = (*DIGIT_SETTINGS, FACE_SETTING) if not quick else (BASE, FACE_SETTING)
        pairs = [
            PairCase(setting, seed, self.images)
            for seed in (SEEDS[:1] if quick else SEEDS)
            for setting in settings
        ]
        return [FaceStepCase(FACE_SETTING, self.images), *pairs]

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
