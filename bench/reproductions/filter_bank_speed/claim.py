"""How fast a bank of filters is: against PyTorch, and against what the machine allows."""

from collections.abc import Sequence

from ....problems.values.configuration import configuration
from ...report.page import Page
from ..rows import RecordedRow, read_rows
from .measure import BankCase, measure_bank
from .page import make_page
from .rows import BankRow

CASES = (
    BankCase(1, 64, 8, 5),
    BankCase(1, 256, 8, 5),
    BankCase(4, 256, 24, 5),
    BankCase(4, 256, 24, 7),
    BankCase(1, 512, 48, 7),
)
QUICK_CASES = (BankCase(1, 16, 4, 3), BankCase(1, 64, 8, 5))


@configuration
class FilterBankSpeed:
    """Is a bank of small filters with its adjoint faster than PyTorch's, alone and inside a solver's loop?

    Source: this project's own question.
    """

    def cases(self, quick: bool) -> Sequence[BankCase]:
        """Return batches, images and filters."""
        return QUICK_CASES if quick else CASES

    def measure(self, case: BankCase, quick: bool) -> list[BankRow]:
        """Time one case."""
        return [measure_bank(case, quick)]

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return both tables, the figure and the verdict."""
        return make_page(read_rows(rows, BankRow))
