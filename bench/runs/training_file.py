"""`training.json`: the about file of a training, and the folder that it stands in."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ..records.clock_test import ClockTest
from ..records.curve_point import CurvePoint
from ..records.strict_json import read_model
from ..training.request import TrainingRequest
from .folder import FolderKind, RunFolder

TRAINING_FILE, CURVE, STATE = "training.json", "curve.jsonl", "state.safetensors"
COMPARISON_FILE = "comparison.json"
"""Of a folder that holds the folders of several trainings."""


class TrainingFile(BaseModel):
    """What `training.json` holds: what was asked for, what that is, and where it began."""

    model_config = ConfigDict(extra="forbid")

    request: TrainingRequest
    choices: dict[str, str]
    """Task, regulariser, data, method, solver and budget, with what the request left open."""
    parameters: dict[str, str]
    """Of each parameter, by its name: how it is kept in its range while it is learned."""
    command: list[str]
    created: str
    environment: dict[str, JsonValue]

    @property
    def clock_tests(self) -> list[ClockTest]:
        """Return none: trainings are not compared by the clock that tests itself."""
        return []


def _read(path: Path) -> TrainingFile:
    return read_model(path, TrainingFile, "a training")


TRAININGS = FolderKind("a training", "hgb train", TRAINING_FILE, _read, CURVE, CurvePoint)


def training_folder(path: Path) -> RunFolder[TrainingFile, CurvePoint]:
    """Return a folder as that of a training, whether there is one yet or not."""
    return RunFolder(path, TRAININGS)


def is_comparison(folder: Path) -> bool:
    """Tell whether a folder is that of a comparison of trainings, as far as its names tell."""
    return (folder / COMPARISON_FILE).exists()


def is_of_training(folder: Path) -> bool:
    """Tell whether a folder is that of a training or of a comparison, as far as its names tell."""
    files = training_folder(folder)
    return is_comparison(folder) or files.about_path.exists() or files.journal.path.exists()
