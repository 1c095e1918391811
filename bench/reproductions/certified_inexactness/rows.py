"""The rows of certified inexactness: one per pair of tolerances, one per accuracy asked for."""

from typing import TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row

TOLERANCES, ACCURACIES = "tolerances", "accuracy"
"""Kinds of rows."""


class NotMeasured(TypedDict):
    """A problem without a reference to measure errors against.

    Attributes:
        case: the problem's name.
        size: of its image, "16 x 16".
        quick: whether it was a quick run.
        kind: `TOLERANCES`.
        status: failed.
        reason: why.
    """

    case: str
    size: str
    quick: bool
    kind: str
    status: str
    reason: str


class Inexact(TypedDict):
    """What both kinds of measured rows hold; errors and bounds are over the norm of the true hypergradient.

    Attributes:
        case: the problem's name.
        size: of its image, "16 x 16".
        quick: whether it was a quick run.
        kind: `TOLERANCES` or `ACCURACIES`.
        status: ok, or that of a solve which did not reach its accuracy.
        reason: empty where it is ok.
        reference_error: of the true hypergradient, as central differences bound it.
        steps: of the lower level's solver.
        residual: of the lower level, relative.
        adjoint_steps: of conjugate gradients.
        adjoint_residual: of the adjoint equation, relative.
        error: of the hypergradient by all of the regulariser's parameters.
        bound: of that error, from both residuals.
    """

    case: str
    size: str
    quick: bool
    kind: str
    status: str
    reason: str
    reference_error: float
    steps: int
    residual: float
    adjoint_steps: int
    adjoint_residual: float
    error: float
    bound: float


class AtTolerances(Inexact):
    """A row of given tolerances, with the parts that make up the bound.

    Attributes:
        tolerance: of the lower level's residual.
        adjoint_tolerance: of the adjoint's residual.
        lower_level: the part of the bound that the error of x brings into the adjoint equation.
        adjoint: the part that the adjoint's residual brings.
        outer: the part that the error of x brings into the loss's gradient.
    """

    tolerance: float
    adjoint_tolerance: float
    lower_level: float
    adjoint: float
    outer: float


class AtAccuracy(Inexact):
    """A row in which `Implicit` chose both tolerances.

    Attributes:
        accuracy: that it was asked for.
        reached: whether the solver says that it was.
    """

    accuracy: float
    reached: bool


InexactnessRow = NotMeasured | AtTolerances | AtAccuracy


def read_inexactness(row: RecordedRow) -> InexactnessRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    measured = AtAccuracy if row.get("kind") == ACCURACIES else AtTolerances
    return read_row(row, measured if "bound" in row else NotMeasured)


def is_at_tolerances(row: InexactnessRow) -> TypeGuard[AtTolerances]:
    """Tell whether a row is of given tolerances, and measured."""
    return row["kind"] == TOLERANCES and "bound" in row


def is_at_accuracy(row: InexactnessRow) -> TypeGuard[AtAccuracy]:
    """Tell whether a row is of an accuracy asked for."""
    return row["kind"] == ACCURACIES
