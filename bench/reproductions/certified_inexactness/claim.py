"""Certified errors of inexact hypergradients."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow
from .measure import DenoisedCrop, all_cases, measure_case
from .page import make_page
from .rows import InexactnessRow, read_inexactness


@configuration
class CertifiedInexactness:
    """Is the error of an implicit hypergradient known from its residuals alone, and can it be asked for?

    A case is a fields-of-experts denoising problem; its rows are tolerances of lower level and adjoint, and
    accuracies asked of `Implicit`. Source: the bound is Ehrhardt and Roberts, 2024, with local
    constants; choosing tolerances by it is Salehi et al., 2024 (MAID).
    """

    def cases(self, quick: bool) -> Sequence[DenoisedCrop]:
        """Return potentials, sizes and seeds."""
        return all_cases(quick)

    def measure(self, case: DenoisedCrop, quick: bool) -> list[InexactnessRow]:
        """Measure every pair of tolerances and every accuracy."""
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(list(map(read_inexactness, rows)))
