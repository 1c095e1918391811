"""The rows of hard problems: one per rule and problem."""

from typing import NotRequired, TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row

Looked = float | int | str | None
"""A number, the words "not finite", or None where the rule does not tell it."""


class Hard(TypedDict):
    """What all rows of one problem share.

    Attributes:
        problem: its name.
        why: what is hard about it.
        kind: smooth or l1.
        quick: whether it was a quick run.
        left: true derivatives from below, by each entry of theta; none if the process ended before.
        right: from above.
        kink: whether the two differ.
        truth_error: how far the differences behind them are from settled, relative; None as above.
    """

    problem: str
    why: str
    kind: str
    quick: bool
    left: list[float]
    right: list[float]
    kink: bool
    truth_error: float | None


class Tried(TypedDict):
    """Which rule was tried, and with which solver.

    Attributes:
        method: its name in this reproduction.
        rule: its repr.
        solver: its repr.
    """

    method: str
    rule: str
    solver: str


class RuleOutcome(TypedDict):
    """A status, and a sentence where it needs one."""

    status: str
    reason: str


class Errors(TypedDict):
    """How wrong the hypergradient is.

    Attributes:
        gradient: by each entry of theta; None where it is not finite.
        error: relative; of a derivative that is zero, over the unit of the problem; None as above.
        element: whether every entry lies between the one-sided derivatives.
    """

    gradient: list[float] | None
    error: float | None
    element: bool


class Warnings(RuleOutcome):
    """What solve and backward pass say of themselves.

    Attributes:
        steps: of the solver.
        residual: of the solver, relative.
        adjoint_residual: of the adjoint equation, relative.
        adjoint_converged: whether it was solved to its tolerance.
        adjoint_steps: of its linear solver.
        contraction: factor of the adjoint's fixed-point iteration.
        error_bound: of the hypergradient, over its norm.
        ambiguous: rows that the solution's own error could move into or out of the active set.
        undecided: active rows that the adjoint leans on and that may not be active; absent in old rows.
        certified: whether the solution is certified.
        dependent_rows: active rows that others imply.
    """

    steps: int
    residual: Looked
    adjoint_residual: Looked
    adjoint_converged: bool | None
    adjoint_steps: int | None
    contraction: Looked
    error_bound: Looked
    ambiguous: int | None
    undecided: NotRequired[int | None]
    certified: bool | None
    dependent_rows: int | None


class RefusedRow(Hard, Tried, RuleOutcome):
    """A rule that does not apply to a problem, or raised something."""


class JudgedRow(Hard, Tried, Errors, Warnings):
    """A rule with its hypergradient; `change` is what a second look found, absent in old rows."""

    change: NotRequired[Looked]


StressRow = RefusedRow | JudgedRow


def read_stress(row: RecordedRow) -> StressRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    return read_row(row, JudgedRow if "gradient" in row else RefusedRow)


def is_judged(row: StressRow) -> TypeGuard[JudgedRow]:
    """Tell whether a row has a hypergradient."""
    return "gradient" in row
