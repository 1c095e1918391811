"""Certified solutions of l1 problems, and the closed form on them."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..reproduction import Row
from .measure import measure_case
from .page import make_page
from .problem import all_cases


@configuration
class CertifiedL1:
    """Can l1 solutions be certified for every A, and is the closed form their derivative?

    A case is a task at one size; its rows are seeds. Source: this project's own claim; the gradient is that
    of Ghosh, McCann and Ravishankar, 2021 (arXiv 2111.10858), in adjoint form.
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name task and size."""
        return [case.name for case in all_cases(quick)]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Certify, differentiate and difference one problem a seed."""
        return measure_case(next(one for one in all_cases(False) if one.name == case), quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(rows)
