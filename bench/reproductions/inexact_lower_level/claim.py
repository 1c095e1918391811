"""Hypergradients of lower levels that are not solved to the end."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow
from .example import EXAMPLE, PrimalDualIterates, measure_example
from .measure import measure_case
from .page import make_page
from .problem import CASES, InexactCase
from .rows import AnyInexactRow, read_inexact


@configuration
class InexactLowerLevel:
    """How exactly must the lower level be solved for a right hypergradient?

    A case is a problem with its solver; its rows are tolerances. The last one differentiates primal-dual
    iterates. Source: this project's own question; its theory for smooth energies is in Pedregosa, 2016.
    """

    def cases(self, quick: bool) -> Sequence[InexactCase | PrimalDualIterates]:
        """Return the problems, and the example."""
        return [CASES[0], CASES[-1], EXAMPLE] if quick else [*CASES, EXAMPLE]

    def measure(self, case: InexactCase | PrimalDualIterates, quick: bool) -> Sequence[AnyInexactRow]:
        """Measure every tolerance of one problem."""
        if isinstance(case, PrimalDualIterates):
            return measure_example(case, quick)
        return measure_case(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(list(map(read_inexact, rows)))
