"""`run.json`: the about file of a run, and the folder that it stands in."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ..grid.selection import Selection
from ..grid.timing import Timing
from ..isolation.limits import IsolationLimits
from ..records.clock_test import ClockTest
from ..records.record import Record
from ..records.strict_json import read_model
from .folder import FolderKind, RunFolder

RUN_FILE, RECORDS = "run.json", "records.jsonl"


class RunFile(BaseModel):
    """What `run.json` holds: what was asked for, which cases that is, how they are timed, where it began."""

    model_config = ConfigDict(extra="forbid")

    selection: Selection
    cases: int
    grid: str | None = None
    """A digest of all cases' ids; null in folders of older versions."""
    timing: Timing | None = None
    """The clock's and the compiler's settings; null in folders of older versions."""
    isolation: IsolationLimits | None = None
    """What the process may take that measures, if it is one of its own."""
    command: list[str]
    created: str
    environment: dict[str, JsonValue]
    clock_tests: list[ClockTest] = []
    """One for each time that measuring began."""


def _read(path: Path) -> RunFile:
    return read_model(path, RunFile, "a run")


RUNS = FolderKind("a run", "hgb run", RUN_FILE, _read, RECORDS, Record)


def run_folder(path: Path) -> RunFolder[RunFile, Record]:
    """Return a folder as that of a run, whether there is one yet or not."""
    return RunFolder(path, RUNS)
