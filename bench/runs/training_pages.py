"""The pages of trainings and of their comparisons, from what is in their folders."""

import shlex
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..records.curve_point import CurvePoint
from ..records.line_file import BadLine
from ..report.page import Page
from ..report.training_curves import TrainedCurve, comparison_page
from ..report.training_page import training_page
from ..training.checkpoint import checkpoint_fault
from .comparison import TrainingComparison, plan_comparison_again
from .training_file import STATE, training_folder


class ShownTraining(NamedTuple):
    """Hold a page, the lines of curves that it leaves out, and the command that goes on with the folder."""

    page: Page
    left_out: tuple[BadLine, ...]
    resume: str


def page_of_training(folder: Path) -> ShownTraining:
    """Make the page of a training from its curve; nothing is written.

    Raises:
        UserError: if the folder is damaged.
    """
    files = training_folder(folder)
    about, curve = files.about(), _Curve.read(folder)
    page = training_page(about.choices, curve.points, about.request.steps, curve.warnings)
    return ShownTraining(page, curve.left_out, files.resume)


def page_of_comparison(folder: Path) -> ShownTraining:
    """Make the page of a comparison from the curves of its trainings; nothing is written.

    A training that has not begun, or whose folder is damaged, is named and left out.

    Raises:
        UserError: if there is no comparison, or it is damaged.
    """
    comparison = plan_comparison_again(folder)
    curves: list[TrainedCurve] = []
    warnings: list[str] = []
    left_out: list[BadLine] = []
    for method in comparison.methods:
        path = comparison.folder_of(method)
        try:
            about = training_folder(path).about()
            read = _Curve.read(path)
        except UserError as error:
            warnings.append(f"{method} is left out: {error}")
            continue
        choices, asked = about.choices, about.request.steps
        curves.append(TrainedCurve(choices["method"], choices["solver"], read.points, asked))
        warnings += read.warnings
        left_out += read.left_out
    page = comparison_page(_title(comparison), curves, warnings)
    resume = f"hgb compare-training --resume {shlex.quote(str(folder))}"
    return ShownTraining(page, tuple(left_out), resume)


def _title(comparison: TrainingComparison) -> str:
    asked = comparison.request
    return f"{asked.regularizer} on {asked.task}, {asked.size}: {asked.steps} steps by each method"


class _Curve(NamedTuple):
    """The curve of a folder by step, the lines that are no steps, and what is wrong with the folder."""

    points: tuple[CurvePoint, ...]
    left_out: tuple[BadLine, ...]
    warnings: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "_Curve":
        files = training_folder(folder)
        if not files.journal.path.exists():
            return cls((), (), (f"{folder} has no curve yet; `{files.resume}` goes on",))
        read = files.journal.read()
        fault = checkpoint_fault(folder / STATE)
        again = f"`{files.resume}` makes all steps again then, to the same bits"
        warnings = () if fault is None else (f"{fault}; {again}",)
        return cls(tuple(sorted(read.entries, key=lambda point: point.step)), read.bad_lines, warnings)
