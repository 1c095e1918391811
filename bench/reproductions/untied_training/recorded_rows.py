"""Recorded rows, each read as what it is."""

from collections.abc import Sequence
from typing import NamedTuple

from ..rows import RecordedRow, read_rows, told_apart
from .rows import EquilibriumTrainingRow, FaceStepRow, StepSizeRow


class UntiedRows(NamedTuple):
    """The rows of all experiments."""

    trained: list[EquilibriumTrainingRow]
    step_sizes: list[StepSizeRow]
    face_steps: list[FaceStepRow]


def read_untied(rows: Sequence[RecordedRow]) -> UntiedRows:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row of no known kind, or one that lacks a field or holds another type there.
    """
    trained, step_sizes, face_steps = told_apart(rows, "training", "step size", "face step")
    return UntiedRows(
        read_rows(trained, EquilibriumTrainingRow),
        read_rows(step_sizes, StepSizeRow),
        read_rows(face_steps, FaceStepRow),
    )
