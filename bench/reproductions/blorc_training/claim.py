"""BLORC's training experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow
from ..user_images import images_in_words
from . import patches
from .findings import training_findings
from .measure import Size, measure_image, measure_signals
from .page import make_page
from .pictures import pictures
from .rows import ImageRow, SignalRow, SpeedRow
from .signals import KINDS, LENGTH, SEEDS, SignalKind
from .speed import SpeedSetting, measure_speed
from .training import AS_PUBLISHED
from .training_rows import read_recorded

FULL = Size(LENGTH, 10_000, 500, 1000, AS_PUBLISHED.steps)
QUICK = Size(LENGTH, 20, 5, 5, 4)
IMAGE = FULL._replace(training=patches.TRAINING, steps=patches.STEPS)
QUICK_IMAGE = FULL._replace(training=20, steps=4)
SPEED = SpeedSetting(LENGTH, 10_000, (20_000, 100_000), 200)
QUICK_SPEED = SpeedSetting(LENGTH, 20, (4,), 4)
QUICK_SIDE = 24


@dataclass(frozen=True)
class SpeedCase:
    """Steps per second."""

    @property
    def name(self) -> str:
        """Say what is measured."""
        return "steps per second"

    def measure(self, quick: bool) -> list[SpeedRow]:
        """Time both, on piecewise-constant signals."""
        return measure_speed(QUICK_SPEED if quick else SPEED, AS_PUBLISHED, quick)


@dataclass(frozen=True)
class SignalsCase:
    """Training on one kind of signals, from one seed."""

    kind: SignalKind
    seed: int

    @property
    def name(self) -> str:
        """Its signals and its seed."""
        return f"{self.kind.name}, seed {self.seed}"

    def measure(self, quick: bool) -> list[SignalRow]:
        """Train at each rate."""
        return measure_signals(self.kind, self.seed, QUICK if quick else FULL, quick)


@dataclass(frozen=True)
class ImageCase:
    """Training on patches of an image, from one seed."""

    folder: Path | None
    seed: int

    @property
    def name(self) -> str:
        """Its images and its seed."""
        return f"patches of {images_in_words(self.folder)}, seed {self.seed}"

    def measure(self, quick: bool) -> list[ImageRow]:
        """Train at each rate, and denoise."""
        found = pictures(self.folder)
        if quick:
            found = found.cut(QUICK_SIDE)
        return measure_image(found, self.seed, QUICK_IMAGE if quick else IMAGE, quick)


@configuration
class BlorcTraining:
    """Do operators that are trained by the closed form become the ones that fit, fast, and denoise better?

    Source: Ghosh, McCann and Ravishankar, 2021 (arXiv 2111.10858), claims A2 to A4.

    Args:
        images: a folder whose first image is trained on and whose second is denoised; photographs for None.
    """

    images: Path | None = None

    def of_images(self, folder: Path) -> "BlorcTraining":
        """Return the same on the images of a folder."""
        return BlorcTraining(folder)

    def cases(self, quick: bool) -> Sequence[SpeedCase | SignalsCase | ImageCase]:
        """Return the speed, then trainings on signals and on patches for every seed."""
        seeds = SEEDS[:1] if quick else SEEDS
        signals = [SignalsCase(kind, seed) for seed in seeds for kind in KINDS]
        return [SpeedCase(), *signals, *(ImageCase(self.images, seed) for seed in seeds)]

    def measure(
        self, case: SpeedCase | SignalsCase | ImageCase, quick: bool
    ) -> list[SpeedRow] | list[SignalRow] | list[ImageRow]:
        """Measure one case."""
        return case.measure(quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figures and verdict."""
        return make_page(read_recorded(rows))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the findings on claims A2, A3 and A4."""
        return training_findings(read_recorded(rows))
