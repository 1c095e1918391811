"""Training by restarts, by one step and by exact gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow
from .equal_work import measure_equal_work
from .page import make_page
from .problem import MODELS, SEEDS, TASKS, RestartedModel
from .rows import TrainedByRow, WorkRow
from .training import measure_training
from .verdict import read_recorded, training_findings


@dataclass(frozen=True)
class EqualWorkCase:
    """Gradients of the wavelet norm's weights on one task, with equal work."""

    task: str
    folder: Path | None

    @property
    def name(self) -> str:
        """Its task and its images."""
        return f"gradients with equal work, {self.task}{_source(self.folder)}"

    def measure(self, quick: bool) -> list[WorkRow]:
        """Compare the errors."""
        return measure_equal_work(self.task, self.folder, quick)


@dataclass(frozen=True)
class RestartedTrainingCase:
    """One model that is trained on one task, from one seed, by every method."""

    model: RestartedModel
    task: str
    seed: int
    folder: Path | None

    @property
    def name(self) -> str:
        """Its model, its task, its seed and its images."""
        return f"{self.model.name}, {self.task}, seed {self.seed}{_source(self.folder)}"

    def measure(self, quick: bool) -> list[TrainedByRow]:
        """Train, and judge."""
        return measure_training(self.model, self.task, self.seed, self.folder, quick)


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
        """Return gradients for each task, then trainings of each model on each task from each seed."""
        tasks, seeds = (list(TASKS)[:1], SEEDS[:1]) if quick else (list(TASKS), SEEDS)
        return [
            *(EqualWorkCase(task, self.images) for task in tasks),
            # The seeds of a model and a task share compiled programs: they follow each other.
            *(
                RestartedTrainingCase(model, task, seed, self.images)
                for model in MODELS
                for task in tasks
                for seed in seeds
            ),
        ]

    def measure(
        self, case: EqualWorkCase | RestartedTrainingCase, quick: bool
    ) -> list[WorkRow] | list[TrainedByRow]:
        """Measure one case."""
        return case.measure(quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figures and verdict."""
        return make_page(read_recorded(rows))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the findings on the part of D1 by training, and on D2."""
        return training_findings(read_recorded(rows))


def _source(folder: Path | None) -> str:
    return "" if folder is None else f", images of {folder.resolve().name!r}"
