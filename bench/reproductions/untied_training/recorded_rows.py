"""Recorded rows, each read as what it is."""

from collections.abc import Sequence
from typing import NamedTuple

from ..rows import RecordedRow, read_rows
from .rows import EquilibriumTrainingRow, FaceStepRow, StepSizeRow


class UntiedRows(NamedTuple):
    """The rows of all experiments."""

    trained: list[EquilibriumTrainingRow]
    step_sizes: list[StepSizeRow]
    face_steps: list[FaceStepRow]


def read_untied(rows: Sequence[RecordedRow]) -> UntiedRows:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row that lacks a field, or holds another type there.
    """

    def of(what: str) -> list[RecordedRow]:
        return [row for row in rows if row.get("what") == what]

    trained = [row for row in rows if row.get("what") not in ("step size", "face step")]
    return UntiedRows(
        read_rows(trained, EquilibriumTrainingRow),
        read_rows(of("step size"), StepSizeRow),
        read_rows(of("face step"), FaceStepRow),
    )
