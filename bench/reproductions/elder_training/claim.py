"""ELDER's claims: equilibrium training and explicit regularisers."""

from collections.abc import Sequence
from pathlib import Path

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow, read_rows
from .measure import measure_case
from .models import MODELS
from .page import SETTING, make_page
from .problem import FULL, QUICK, SEEDS, TASKS, EquilibriumCase, require_images
from .rows import EquilibriumRow
from .verdict import findings_of


@configuration
class ElderTraining:
    """Are regularisers with an energy far better as equilibrium models than as denoisers, at no loss?

    Source: Zou, Liu, Wohlberg and Kamilov, 2023 (ELDER, arXiv 2303.05386), claims B1 and B2.

    Args:
        images: a folder of images to train and to test on; photographs for None.
    """

    images: Path | None = None

    def of_images(self, folder: Path) -> "ElderTraining":
        """Return the same on the images of a folder."""
        return ElderTraining(folder)

    def cases(self, quick: bool) -> Sequence[EquilibriumCase]:
        """Return every regulariser on every task; one task and one seed with `quick`.

        Raises:
            UserError: if the folder cannot be used, with why.
        """
        tasks, seeds, size = (TASKS[:1], SEEDS[:1], QUICK) if quick else (TASKS, SEEDS, FULL)
        require_images(self.images, size.side)
        return [EquilibriumCase(task, one, seeds, size, self.images) for task in tasks for one in MODELS]

    def measure(self, case: EquilibriumCase, quick: bool) -> list[EquilibriumRow]:
        """Train one regulariser on one task from every seed."""
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figures and verdict."""
        return make_page(read_rows(rows, EquilibriumRow))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the findings on claims B1 and B2."""
        return findings_of(read_rows(rows, EquilibriumRow), SETTING)
