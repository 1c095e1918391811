"""A run: the grid of a selection, measured group by group into a journal that a killed run resumes from."""

import contextlib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..catalogue.catalogue import built_in
from ..catalogue.plugin import with_plugins
from ..distributing.cluster import Workers, cluster, shares
from ..distributing.groups import measured_groups
from ..errors import UserError
from ..grid.case import Case
from ..grid.expand import expand, unique
from ..grid.request import Request, request_of
from ..grid.selection import Selection
from ..grid.suites import Suite
from ..grid.timing import Timing
from ..isolation.child import Setup
from ..isolation.isolated import IsolatedBench
from ..isolation.limits import IsolationLimits
from ..isolation.listed_run import ListedRun
from ..machine.environment import environment
from ..measure.kept_arrays import keep_arrays
from ..measure.workbench import Context, Workbench
from ..progress import RunProgress
from ..records.record import Record
from .folder import OpenFolder
from .provenance import provenance
from .run_file import RUN_FILE, RunFile, run_folder

_ANOTHER_GRID = (
    ": the file, a plug-in or an image folder was changed, or this version has another grid. To go on "
    "would measure other cases in the same folder: start a new run"
)


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
    cases = tuple(unique(groups))
    if not cases:
        raise UserError("the selection has no case: no size of the suite fits the chosen names; give --size")
    return Plan(folder, request, cases, left_out)


def requested(selection: Selection) -> Request:
    """Resolve a selection's names, among what is built in and what its plug-ins add.

    Raises:
        UserError: for an unknown name, or a plug-in that cannot be used.
    """
    return request_of(selection, with_plugins(built_in(), list(selection.plugins)))


def plan_again(folder: Path) -> Plan:
    """Plan a recorded run once more, from what its folder says was asked for.

    Raises:
        UserError: if there is no such run, if it is damaged, or if its cases are others than those that it
            was started with.
    """
    files = run_folder(folder)
    asked = files.about()
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
    foreign = set() if asked.grid else {record.id for record in files.recorded()} - plan.ids
    if foreign:
        raise UserError(
            f"{files.journal.path} holds {len(foreign)} records that {RUN_FILE} does not ask for, such as "
            f"{min(foreign)}{_ANOTHER_GRID}"
        )
    return plan


@contextlib.contextmanager
def started(
    plan: Plan,
    command: Sequence[str],
    device: str,
    isolation: IsolationLimits | None = None,
    workers: Workers | None = None,
) -> Iterator["RunningRun"]:
    """Open the run's folder for writing, set aside what its journal has no use of, and hand out the run.

    Args:
        plan: its cases.
        command: what was typed.
        device: what is computed on.
        isolation: what a process of its own may take that measures; None to measure in this one. A run that
            goes on is isolated as it was.
        workers: of what cluster its cases are measured; None for none.

    Raises:
        UserError: if the folder cannot be written, or another run is writing to it.
    """
    files = run_folder(plan.folder)
    with files.opened(lambda: _about(plan, command, isolation)) as opened:
        about = files.about()
        timing = timing_of(about, plan.request.suite)
        yield RunningRun(plan, tuple(command), opened, timing, device, isolation or about.isolation, workers)


def timing_of(about: RunFile, suite: Suite) -> Timing:
    """Return how a recorded run is timed: as its about file says, or else as its suite says today."""
    return about.timing or Timing.of(suite, about.selection.rounds)


@dataclass(frozen=True)
class RunningRun:
    """A run whose folder is open.

    Attributes:
        plan: its cases.
        command: what was typed, for the records.
        opened: its folder.
        timing: how its cases are timed and compiled.
        device: what is computed on.
        isolation: what the process may take that measures, if it is one of its own.
        workers: of what cluster they are measured, if any.
    """

    plan: Plan
    command: tuple[str, ...]
    opened: OpenFolder[RunFile, Record]
    timing: Timing
    device: str
    isolation: IsolationLimits | None = None
    workers: Workers | None = None

    @property
    def cases(self) -> int:
        """How many cases the run has."""
        return self.plan.cases

    @property
    def done(self) -> int:
        """How many of them were recorded when the folder was opened."""
        return self.cases - sum(len(group) for group in self.missing)

    @property
    def missing(self) -> list[list[Case]]:
        """The cases that had no record when the folder was opened, in groups."""
        recorded = {record.id for record in self.opened.writer.before}
        groups = ([case for case in group if case.id not in recorded] for group in self.plan.groups)
        return [group for group in groups if group]

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record every case that has no record, group by group."""
        suite = self.timing.compiled(self.plan.request.suite)
        setup = Setup(
            selection=self.plan.selection,
            timing=self.timing,
            command=list(self.command),
            device=self.device,
            arrays=self._arrays,
            start=uuid.uuid4().hex,
        )
        where = {**environment(), **(setup.where if self.isolation else {})}
        bench = Workbench(Context(suite, self.timing.clock, where, self.command))
        if self.workers is not None:
            self._measure_on(self.workers, setup, progress)
        elif self.isolation is None:
            self._measure_here(bench, progress)
        else:
            listed = ListedRun(bench, self.plan.groups)
            self._measure_isolated(IsolatedBench(lambda: listed, setup, self.isolation), progress)

    def _measure_here(self, bench: Workbench, progress: RunProgress) -> None:
        problem = None
        for group in self.missing:
            instance = group[0].instance.problem()
            if instance != problem:
                bench.forget()
                problem = instance
            for measured in bench.measure(group, lambda begun: progress.begin(begun.label)):
                # Arrays first: a record says that its case is done.
                if self._arrays is not None:
                    keep_arrays(self._arrays, measured)
                self.opened.writer.append(measured.record)
            progress.advance(len(group))

    def _measure_isolated(self, isolated: IsolatedBench, progress: RunProgress) -> None:
        try:
            for group in self.missing:
                for record in isolated.measure([case.id for case in group], progress.begin):
                    self.opened.writer.append(record)
                progress.advance(len(group))
        finally:
            isolated.close()

    def _measure_on(self, workers: Workers, setup: Setup, progress: RunProgress) -> None:
        setup = setup.model_copy(update={"arrays": setup.arrays and setup.arrays.resolve()})
        limits, own = self.isolation or IsolationLimits(), shares(workers.here) if workers.here else []
        if workers.here:
            limits = limits.of_each(workers.here)
        with cluster(workers) as client:
            for records in measured_groups(client, self.missing, setup, limits, own, progress.begin):
                self.opened.writer.append_all(records)
                progress.advance(len(records))

    @property
    def _arrays(self) -> Path | None:
        return self.plan.folder / "arrays" if self.plan.selection.save_arrays else None


def _about(plan: Plan, command: Sequence[str], isolation: IsolationLimits | None) -> RunFile:
    """Return the about file of a run that begins."""
    return RunFile(
        selection=plan.selection,
        cases=plan.cases,
        grid=plan.grid,
        timing=Timing.of(plan.request.suite, plan.selection.rounds),
        isolation=isolation,
        **provenance(command),
    )
