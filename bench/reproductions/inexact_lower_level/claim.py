"""Hypergradients of lower levels that are not solved to the end."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..reproduction import Row
from .example import EXAMPLE, measure_example
from .measure import measure_case
from .page import make_page
from .problem import CASES


@configuration
class InexactLowerLevel:
    """How exactly must the lower level be solved for a right hypergradient?

    A case is a problem with its solver; its rows are tolerances. The last one differentiates primal-dual
    iterates. Source: this project's own question; its theory for smooth energies is in Pedregosa, 2016.
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name the problems."""
        names = [case.name for case in CASES]
        return [names[0], names[-1], EXAMPLE] if quick else [*names, EXAMPLE]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure every tolerance of one problem."""
        if case == EXAMPLE:
            return measure_example(quick)
        return measure_case(next(one for one in CASES if one.name == case), quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(rows)
