"""Adaptive accuracy against fixed tolerances, in training."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow, read_rows
from .measure import measure_case
from .page import make_page
from .problem import TrainedExperts, all_cases
from .rows import TrainedRow


@configuration
class AdaptiveAccuracy:
    """Does an adaptive accuracy of lower level and adjoint train better than a well-chosen fixed one?

    A case is a set of crops to denoise; its rows are contestants, each with what it had reached at several
    shares of the work. Source: Salehi et al., 2024 (MAID) and 2025 (inexact SGD); the claim is an author's
    remark when MAID was offered to another library.
    """

    def cases(self, quick: bool) -> Sequence[TrainedExperts]:
        """Return the seeds."""
        return all_cases(quick)

    def measure(self, case: TrainedExperts, quick: bool) -> list[TrainedRow]:
        """Train every contestant with the same work."""
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(read_rows(rows, TrainedRow))
