"""Hypergradients of growing images."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..growing_images import TASKS, GrowingImage
from ..rows import RecordedRow
from .measure import measure_case
from .page import make_page
from .problem import QUICK_SIDES, SIDES
from .rows import ScaleRow, read_scale


@configuration
class HypergradientScale:
    """How do time and memory of hypergradients grow with the image?

    A case is a task at one size. Source: this project's own claim that the closed form's memory is linear in
    the pixels and free of the iterations.
    """

    def cases(self, quick: bool) -> Sequence[GrowingImage]:
        """Return tasks and sizes, the small ones first."""
        return [GrowingImage(task, side) for side in (QUICK_SIDES if quick else SIDES) for task in TASKS]

    def measure(self, case: GrowingImage, quick: bool) -> list[ScaleRow]:
        """Time and weigh every method on one image."""
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(list(map(read_scale, rows)))
