"""Certified solutions of l1 problems, and the closed form on them."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow
from .measure import measure_case
from .page import make_page
from .problem import CertifiedCase, all_cases
from .rows import CertifiedRow, read_certified


@configuration
class CertifiedL1:
    """Can l1 solutions be certified for every A, and is the closed form their derivative?

    A case is a task at one size; its rows are seeds. Source: this project's own claim; the gradient is that
    of Ghosh, McCann and Ravishankar, 2021 (arXiv 2111.10858), in adjoint form.
    """

    def cases(self, quick: bool) -> Sequence[CertifiedCase]:
        """Return tasks and sizes."""
        return all_cases(quick)

    def measure(self, case: CertifiedCase, quick: bool) -> list[CertifiedRow]:
        """Certify, differentiate and difference one problem per seed."""
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(list(map(read_certified, rows)))
