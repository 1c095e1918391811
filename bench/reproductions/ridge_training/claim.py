"""Ridge regularisers that are trained on photographs."""

from collections.abc import Sequence
from pathlib import Path

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow
from .measure import BaselinesCase, TrainedRidge
from .page import make_page
from .problem import FULL, KINDS, QUICK
from .rows import CurveRow, QualityRow, read_recorded


@configuration
class RidgeTraining:
    """Do ridge regularisers trained on photographs beat total variation, and do one-step gradients suffice?

    Source: Goujon et al., 2023 and 2024 (the regularisers), in the form of Hertrich et al., 2025, who train
    them by implicit and by Jacobian-free gradients.

    Args:
        images: a folder of test images; held-out photographs of scikit-image's wheel for None.
    """

    images: Path | None = None

    def of_images(self, folder: Path) -> "RidgeTraining":
        """Return the same, tested on the images of a folder."""
        return RidgeTraining(folder)

    def cases(self, quick: bool) -> Sequence[BaselinesCase | TrainedRidge]:
        """Return the baselines, then each regulariser; one of them is enough for a quick look."""
        kinds, size = (list(KINDS)[:1], QUICK) if quick else (list(KINDS), FULL)
        return [BaselinesCase(self.images, size), *(TrainedRidge(kind, self.images, size) for kind in kinds)]

    def measure(
        self, case: BaselinesCase | TrainedRidge, quick: bool
    ) -> list[QualityRow] | list[CurveRow | QualityRow]:
        """Measure one case."""
        return case.measure(quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return table, figure and verdict."""
        return make_page(read_recorded(rows))
