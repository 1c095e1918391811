"""`reproduction.json`: the about file of a reproduction, and the folder that it stands in."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ..isolation.limits import IsolationLimits
from ..records.clock_test import ClockTest
from ..records.reproduced_case import ReproducedCase
from ..records.strict_json import read_model
from .folder import FolderKind, RunFolder

REPRODUCTION_FILE, ROWS = "reproduction.json", "rows.jsonl"


class ReproductionFile(BaseModel):
    """What `reproduction.json` holds: what was asked for, its cases, and where the rows come from."""

    model_config = ConfigDict(extra="forbid")

    name: str
    quick: bool
    cases: list[str] | None = None
    """All of them, in their order; null in folders of older versions."""
    images: str | None = None
    """The folder of the user's images, where there is one."""
    isolation: IsolationLimits | None = None
    """What the process that measures may take, where that was said."""
    command: list[str]
    created: str
    environment: dict[str, JsonValue]
    clock_tests: list[ClockTest] = []
    """One for each time that measuring began."""


def _read(path: Path) -> ReproductionFile:
    return read_model(path, ReproductionFile, "a reproduction")


REPRODUCTIONS = FolderKind("a reproduction", "hgb reproduce", REPRODUCTION_FILE, _read, ROWS, ReproducedCase)


def reproduction_folder(path: Path) -> RunFolder[ReproductionFile, ReproducedCase]:
    """Return a folder as that of a reproduction, whether there is one yet or not."""
    return RunFolder(path, REPRODUCTIONS)
