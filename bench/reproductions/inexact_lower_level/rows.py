"""The rows of inexact lower levels: one per tolerance and rule, and those of the example."""

from typing import TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row


class Said(TypedDict):
    """What every row says.

    Attributes:
        case: the problem's name.
        solver: its repr.
        quick: whether it was a quick run.
        method: the rule: closed form, implicit or unrolled; in the example, the iterate.
        status: of the solve.
        reason: a sentence, where the status needs it.
    """

    case: str
    solver: str
    quick: bool
    method: str
    status: str
    reason: str


class NotMeasuredRow(Said):
    """A problem without a reference to measure errors against."""


class SolveRow(TypedDict):
    """An iterate at one tolerance.

    Attributes:
        residual: of the solver, relative.
        x_error: of x, relative; None where it is not finite.
        status: of the solve.
        reason: a sentence, where the status needs it.
        wrong_rows: rows of W on another side of the active set than at the certified solution; None for
            energies that are smooth, and solvers without a dual variable.
        ambiguous: rows that the iterate's own certificate says could move; None as above.
        rows_of_W: all of them; None as above.
    """

    residual: float
    x_error: float | None
    status: str
    reason: str
    wrong_rows: int | None
    ambiguous: int | None
    rows_of_W: int | None


class InexactRow(SolveRow):
    """A rule at one tolerance.

    Attributes:
        case: the problem's name.
        solver: its repr.
        quick: whether it was a quick run.
        method: the rule: closed form, implicit or unrolled.
        reference_error: of the exact hypergradient, as central differences bound it.
        tolerance: of the solver's residual.
        steps: of the solver.
        gradient_error: of the hypergradient, relative; None where it is not finite.
    """

    case: str
    solver: str
    quick: bool
    method: str
    reference_error: float
    tolerance: float
    steps: int
    gradient_error: float | None


class ExampleRow(Said):
    """Derivatives along one direction after so many primal-dual steps.

    Attributes:
        exact: of the certified solution.
        steps: of the solver.
        residual: of the iterate, relative.
        x_error: of the iterate, relative.
        by_differences: of the iterate, by central differences.
        by_ad: of the iterate, by automatic differentiation through all steps.
    """

    exact: float
    steps: int
    residual: float
    x_error: float
    by_differences: float
    by_ad: float


AnyInexactRow = NotMeasuredRow | InexactRow | ExampleRow


def read_inexact(row: RecordedRow) -> AnyInexactRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    if row.get("by_ad") is not None:
        return read_row(row, ExampleRow)
    return read_row(row, InexactRow if "tolerance" in row else NotMeasuredRow)


def is_example(row: AnyInexactRow) -> TypeGuard[ExampleRow]:
    """Tell whether a row is one of the example's, and measured."""
    return "by_ad" in row


def at_tolerance(row: AnyInexactRow) -> TypeGuard[InexactRow]:
    """Tell whether a row is of a rule at one tolerance."""
    return "tolerance" in row
