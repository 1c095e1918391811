"""The rows of learned models: one for the implicit rule on each model and task, one for each other rule."""

from typing import TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row

IMPLICIT = "implicit"
"""The rule that is judged by differences, and that judges the others."""


class ModelOnTask(TypedDict):
    """What all rows of one model on one task share."""

    regularizer: str
    task: str
    quick: bool


class EndedRule(TypedDict):
    """How a rule's solve and its adjoint ended.

    Attributes:
        method: the rule.
        status: of the solve.
        reason: a sentence, where the status needs it.
        steps: of the solver.
        residual: of the solver; None where it is not finite.
        contraction: factor of the adjoint iteration; None where it is not known.
        adjoint_residual: of the adjoint equation, relative; None where it is not known.
    """

    method: str
    status: str
    reason: str
    steps: int
    residual: float | None
    contraction: float | None
    adjoint_residual: float | None


class RuleRow(ModelOnTask, EndedRule):
    """A cheap rule; `error` is of its hypergradient against the implicit one, relative, None without one."""

    error: float | None


class ImplicitAgainstDifferences(TypedDict):
    """The implicit rule against central differences.

    Attributes:
        error: along three directions, over the largest derivative; None where that is zero or not finite.
        derivatives: by central differences.
        kink: whether the one-sided differences stay apart.
    """

    error: float | None
    derivatives: list[float | None]
    kink: bool


class ImplicitRow(ModelOnTask, EndedRule, ImplicitAgainstDifferences):
    """The implicit rule; `finite` tells whether its hypergradient is."""

    finite: bool


LearnedRow = ImplicitRow | RuleRow


def read_learned(row: RecordedRow) -> LearnedRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    return read_row(row, ImplicitRow if row.get("method") == IMPLICIT else RuleRow)


def is_implicit(row: LearnedRow) -> TypeGuard[ImplicitRow]:
    """Tell whether a row is the implicit rule's."""
    return row["method"] == IMPLICIT
