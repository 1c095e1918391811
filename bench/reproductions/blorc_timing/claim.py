"""BLORC's timing experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..finding import ClaimFinding
from ..rows import RecordedRow, read_rows
from .finding import timing_finding
from .measure import measure_length
from .page import make_page
from .rows import TimedRow

SIZES = (32, 64, 100, 200, 400)
QUICK_SIZES = (32,)


@dataclass(frozen=True)
class SignalLength:
    """One signal of length n with n analysis rows."""

    n: int

    @property
    def name(self) -> str:
        """Its length, as the paper writes it."""
        return f"n = k = {self.n}"


@configuration
class BlorcTiming:
    """Are closed-form gradients of l1 denoising faster than automatic differentiation, cvxpy and diffcp?

    A case is a length of the signal, and all contestants are timed in its rounds. Source: Ghosh, McCann and
    Ravishankar, 2021 (arXiv 2111.10858).
    """

    def cases(self, quick: bool) -> Sequence[SignalLength]:
        """Return the lengths, the short ones first."""
        return [SignalLength(n) for n in (QUICK_SIZES if quick else SIZES)]

    def measure(self, case: SignalLength, quick: bool) -> list[TimedRow]:
        """Measure one length."""
        return measure_length(case.n, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        return make_page(read_rows(rows, TimedRow))

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the finding on claim A1."""
        return [timing_finding(read_rows(rows, TimedRow))]
