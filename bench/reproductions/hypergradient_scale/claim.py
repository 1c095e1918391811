"""Hypergradients of growing images."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..reproduction import Row
from .measure import measure_case
from .page import make_page
from .problem import QUICK_SIDES, SIDES, TASKS


@configuration
class HypergradientScale:
    """How do time and memory of hypergradients grow with the image?

    A case is a task at one size. Source: this project's own claim that the closed form's memory is linear in
    the pixels and free of the iterations.
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name task and size, the small ones first."""
        return [f"{task} {side} x {side}" for side in (QUICK_SIDES if quick else SIDES) for task in TASKS]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Time and weigh every method on one image."""
        task, side, *_ = case.split()
        return measure_case(task, int(side), quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(rows)
