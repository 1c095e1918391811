"""A run: the grid of a selection, measured group by group into a journal that a killed run resumes from."""

import contextlib
import datetime
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from ..errors import UserError, unwritable
from ..grid.case import Case
from ..grid.catalogue import built_in
from ..grid.clock_settings import ClockSettings
from ..grid.expand import expand
from ..grid.plugin import with_plugins
from ..grid.request import Request, request_of
from ..grid.selection import Selection
from ..machine.environment import environment
from ..measure.workbench import Context, Workbench
from ..progress import RunProgress
from ..records.durable import replace_durably
from ..records.journal import Journal, JournalWriter
from ..records.line_file import BadLine
from ..records.record import Record
from ..records.strict_json import read_model

RUN_FILE = "run.json"
_ANOTHER_GRID = (
    ": the file, a plug-in or an image folder was changed, or this version has another grid. To go on "
    "would measure other cases in the same folder: start a new run"
)


class RunFile(BaseModel):
    """What `run.json` holds: what was asked for, which and how many cases that is, and where it began."""

    model_config = ConfigDict(extra="forbid")

    selection: Selection
    cases: int
    grid: str | None = None
    """A digest of all cases' ids; null in folders of older versions."""
    command: list[str]
    created: str
    environment: dict[str, JsonValue]


@dataclass(frozen=True)
class Plan:
    """A run that is ready to start: its folder, what was asked for, and its cases in groups.

    `left_out` has a sentence for each combination of what was asked for that does not fit together.
    """

    folder: Path
    request: Request
    groups: tuple[tuple[Case, ...], ...]
    left_out: tuple[str, ...] = ()

    @property
    def selection(self) -> Selection:
        """What was asked for, as it was typed."""
        return self.request.selection

    @property
    def cases(self) -> int:
        """How many cases the run has."""
        return sum(len(group) for group in self.groups)

    @property
    def ids(self) -> set[str]:
        """The ids of all cases."""
        return {case.id for group in self.groups for case in group}

    @property
    def grid(self) -> str:
        """Twelve hexadecimal digits that name the set of cases."""
        return hashlib.sha256(" ".join(sorted(self.ids)).encode()).hexdigest()[:12]


def plan_run(selection: Selection, folder: Path) -> Plan:
    """Expand a selection into its cases.

    Raises:
        UserError: for unknown names and settings that a constructor refuses.
    """
    request = requested(selection)
    groups, left_out = expand(request)
    # Two settings can come to the same case, such as an unrolled budget that a user fixed.
    seen: set[str] = set()
    unique = []
    for group in groups:
        fresh = {case.id: case for case in group if case.id not in seen}
        seen |= fresh.keys()
        if fresh:
            unique.append(tuple(fresh.values()))
    if not unique:
        raise UserError("the selection has no case: no size of the suite fits the chosen names; give --size")
    return Plan(folder, request, tuple(unique), left_out)


def requested(selection: Selection) -> Request:
    """Resolve a selection's names, among what is built in and what its plug-ins add.

    Raises:
        UserError: for an unknown name, or a plug-in that cannot be used.
    """
    return request_of(selection, with_plugins(built_in(), list(selection.plugins)))


def read_run_file(folder: Path) -> RunFile:
    """Read `run.json` of a run's folder.

    Raises:
        UserError: if there is none, or it is damaged.
    """
    path = folder / RUN_FILE
    try:
        return read_model(path, RunFile, "a run")
    except OSError as error:
        raise UserError(
            f"{folder} is not the folder of a run: cannot read {path} ({error.strerror})"
        ) from error


def plan_again(folder: Path) -> Plan:
    """Plan a recorded run once more, from what its folder says was asked for.

    Raises:
        UserError: if there is no such run, if it is damaged, or if its cases are others than those that it
            was started with.
    """
    asked = read_run_file(folder)
    plan = plan_run(asked.selection, folder)
    if asked.cases != plan.cases:
        raise UserError(
            f"{folder / RUN_FILE} was written for {asked.cases} cases, and its selection has {plan.cases} now"
            f"{_ANOTHER_GRID}"
        )
    if asked.grid not in (None, plan.grid):
        raise UserError(
            f"{folder / RUN_FILE} was written for other cases, as many as its selection has{_ANOTHER_GRID}"
        )
    foreign = set() if asked.grid else {one.id for one in _recorded(folder)} - plan.ids
    if foreign:
        raise UserError(
            f"{Journal(folder).path} holds {len(foreign)} records that {RUN_FILE} does not ask for, such as "
            f"{min(foreign)}{_ANOTHER_GRID}"
        )
    return plan


@contextlib.contextmanager
def started(plan: Plan, command: Sequence[str]) -> Iterator["RunningRun"]:
    """Open the run's folder for writing, set aside what its journal has no use of, and hand out the run.

    Raises:
        UserError: if the folder cannot be written, or another run is writing to it.
    """
    journal = Journal(plan.folder)
    with journal.writer() as writer:
        if not (plan.folder / RUN_FILE).exists():
            _write_run_file(plan, command)
        yield RunningRun(plan, tuple(command), writer, {record.id for record in journal.read().records})


@dataclass(frozen=True)
class RunningRun:
    """A run whose journal is open."""

    plan: Plan
    command: tuple[str, ...]
    writer: JournalWriter
    recorded: set[str]

    @property
    def rejected(self) -> tuple[BadLine, ...]:
        """The lines of the journal that were set aside."""
        return self.writer.rejected

    @property
    def missing(self) -> list[list[Case]]:
        """The cases that have no record yet, in groups."""
        groups = ([case for case in group if case.id not in self.recorded] for group in self.plan.groups)
        return [group for group in groups if group]

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record every case that has no record, group by group."""
        suite = self.plan.request.suite
        clock = _clock(suite.clock, self.plan.selection.rounds)
        bench = Workbench(Context(suite, clock, environment(), self.command))
        problem = None
        for group in self.missing:
            instance = replace(group[0].instance, seed=0, dtype="float64")
            if instance != problem:
                bench.forget()
                problem = instance
            for measured in bench.measure(group, progress.begin):
                self._keep(measured.record, measured.arrays)
            progress.advance(len(group))

    def _keep(self, record: Record, arrays: Mapping[str, np.ndarray]) -> None:
        # Arrays first: a record says that its case is done.
        if self.plan.selection.save_arrays and arrays:
            _save_arrays(self.plan.folder / "arrays" / f"{record.id}.npz", arrays)
        self.writer.append(record)


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays whole or not at all; raise `UserError` if the disk has no room for them."""
    content = io.BytesIO()
    np.savez_compressed(content, **dict(arrays))  # pyright: ignore[reportArgumentType]
    try:
        path.parent.mkdir(exist_ok=True)
        replace_durably(path, content.getvalue())
    except OSError as error:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ".tmp").unlink()
        raise unwritable(path, error) from error


def _recorded(folder: Path) -> tuple[Record, ...]:
    """Return the records of a folder that may have no journal yet."""
    journal = Journal(folder)
    return journal.read().records if journal.path.exists() else ()


def _write_run_file(plan: Plan, command: Sequence[str]) -> None:
    run_file = RunFile(
        selection=plan.selection,
        cases=plan.cases,
        grid=plan.grid,
        command=list(command),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        environment=environment(),
    )
    text = json.dumps(run_file.model_dump(mode="json"), indent=2) + "\n"
    try:
        replace_durably(plan.folder / RUN_FILE, text.encode())
    except OSError as error:
        raise unwritable(plan.folder / RUN_FILE, error) from error


def _clock(clock: ClockSettings, rounds: int | None) -> ClockSettings:
    return clock if rounds is None else replace(clock, rounds_min=rounds, rounds_max=rounds)
