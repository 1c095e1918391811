"""A problem that a run was asked for, before its arrays are made."""

from dataclasses import dataclass

from ...problems.regularizer import Regularizer
from ...problems.task import Task
from ..catalogue.entry import Entry
from .lineup import Lineup


@dataclass(frozen=True)
class Problem:
    """A task and a regulariser at one size in one precision, and who runs on it.

    Attributes:
        unrolled_steps: budgets of methods that use every step, in rising order.
    """

    task: Entry[Task]
    regularizer: Entry[type[Regularizer]]
    shape: tuple[int, ...]
    batch: int
    unrolled_steps: tuple[int, ...]
    dtype: str
    lineup: Lineup
