"""Certified errors of inexact hypergradients."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..reproduction import Row
from .measure import all_cases, measure_case
from .page import make_page


@configuration
class CertifiedInexactness:
    """Is the error of an implicit hypergradient known from its residuals alone, and can it be asked for?

    A case is a fields-of-experts denoising problem; its rows are tolerances of lower level and adjoint, and
    accuracies asked of `Implicit`. Source: the bound is Ehrhardt and Roberts, 2024, with local
    constants; choosing tolerances by it is Salehi et al., 2024 (MAID).
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name potential, size and seed."""
        return [case.name for case in all_cases(quick)]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure every pair of tolerances and every accuracy."""
        cases = {one.name: one for one in (*all_cases(False), *all_cases(True))}
        return measure_case(cases[case], quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(rows)
