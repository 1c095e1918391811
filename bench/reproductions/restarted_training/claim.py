"""Training by restarts, by one step and by exact gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow
from ..user_images import images_in_words
from .equal_work import measure_equal_work
from .page import make_page
from .problem import MODELS, SEEDS, TASKS, WAVELETS, RestartedModel, require_images
from .rows import TrainedByRow, WorkRow
from .training import measure_training
from .verdict import read_recorded, training_findings


@dataclass(frozen=True)
class EqualWorkCase:
    """Gradients of the wavelet norm's weights on one task, with equal work."""

    task: str
    folder: Path | None
    quick: bool

    @property
    def name(self) -> str:
        """Its task, its size and its images."""
        size = WAVELETS.size(self.quick)
        crops = f"{size.batch} of {size.training} crops of {size.side} x {size.side}"
        return f"gradients with equal work, {self.task}, {crops}{_source(self.folder)}"

    def measure(self) -> list[WorkRow]:
        """Compare the errors."""
        return measure_equal_work(self.task, self.folder, self.quick)


@dataclass(frozen=True)
class RestartedTrainingCase:
    """One model that is trained on one task, from one seed, by every method."""

    model: RestartedModel
    task: str
    seed: int
    folder: Path | None
    quick: bool

    @property
    def name(self) -> str:
        """Its model, its task, its seed, its size and its images: a run of others is not gone on with."""
        start = f"{self.model.name}, {self.task}, seed {self.seed}, at {self.model.rate:g} in"
        return f"{start} {self.model.dtype}, {self.model.size(self.quick).in_words}{_source(self.folder)}"

    def measure(self) -> list[TrainedByRow]:
        """Train, and judge."""
        return measure_training(self.model, self.task, self.seed, self.folder, self.quick)


@configuration
class RestartedTraining:
    """Do restarts train what exact gradients do, and better in equal time than the one-step gradient?

    Source: Davy, Briceno-Arias and Pustelnik, 2025 (arXiv 2506.13239), claims D1 and D2.

    Args:
        images: a folder to train and to test on, split by image; photographs for None.
    """

    images: Path | None = None

    def of_images(self, folder: Path) -> "RestartedTraining":
        """Return the same on the images of a folder."""
        return RestartedTraining(folder)

    def cases(self, quick: bool) -> Sequence[EqualWorkCase | RestartedTrainingCase]:
        """Return gradients for each task, then trainings of each model on each task from each seed.

        Raises:
            UserError: if the folder cannot be used, with why.
        """
        require_images(self.images, quick)
        tasks, seeds = (list(TASKS)[:1], SEEDS[:1]) if quick else (list(TASKS), SEEDS)
        return [
            *(EqualWorkCase(task, self.images, quick) for task in tasks),
            # The seeds of a model and a task share compiled programs: they follow each other.
            *(
                RestartedTrainingCase(model, task, seed, self.images, quick)
                for model in MODELS
                for task in tasks
                for seed in seeds
            ),
        ]

    def measure(
        self, case: EqualWorkCase | RestartedTrainingCase, quick: bool
    ) -> list[WorkRow] | list[TrainedByRow]:
        """Measure one case, which knows whether it is a quick one."""
        del quick
        return case.measure()

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figures and verdict."""
        return make_page(read_recorded(rows))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the findings on the part of D1 by training, and on D2."""
        return training_findings(read_recorded(rows))


def _source(folder: Path | None) -> str:
    return "" if folder is None else f", {images_in_words(folder)}"
