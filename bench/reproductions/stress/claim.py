"""Problems on which hypergradients fail."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...records.status import Status
from ...report.page import Page
from ..rows import RecordedRow
from .challenge import Challenge
from .measure import lost_challenge, measure_challenge
from .page import make_page
from .problems import challenges, named
from .rows import StressRow, read_stress

QUICK = ("smooth control", "few steps", "kink: merging values")


@configuration
class Stress:
    """Which rules are wrong on hard problems, and do they say so?

    A case is a small problem that is hard for one known reason, with a derivative that is known otherwise;
    its rows are the rules. Source: this project's own question.
    """

    def cases(self, quick: bool) -> Sequence[Challenge]:
        """Return the problems."""
        return [named(name) for name in QUICK] if quick else challenges()

    def measure(self, case: Challenge, quick: bool) -> list[StressRow]:
        """Try every rule on one problem."""
        return measure_challenge(case, quick)

    def ended(self, case: Challenge, quick: bool, status: Status, reason: str) -> list[StressRow]:
        """Return a row for every rule: none is known to be innocent."""
        return lost_challenge(case, quick, status, reason)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return the matrix, what is silently wrong, and the verdict."""
        return make_page(list(map(read_stress, rows)))
