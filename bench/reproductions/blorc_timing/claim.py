"""BLORC's timing experiment."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..reproduction import Row
from .measure import measure_size
from .page import make_page

SIZES = (32, 64, 100, 200, 400)
QUICK_SIZES = (32, 64)


@configuration
class BlorcTiming:
    """Are closed-form gradients of l1 denoising faster than automatic differentiation, cvxpy and diffcp?

    A case is a length of the signal, and all contestants are timed in its rounds. Source: Ghosh, McCann and
    Ravishankar, 2021 (arXiv 2111.10858).
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name the lengths."""
        return [f"n = k = {n}" for n in (QUICK_SIZES if quick else SIZES)]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure one length."""
        return measure_size(int(case.rpartition(" ")[2]), quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(rows)
