"""A grid of many cases, planned, handed out, recorded and shown by the harness while its workers sleep."""

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..distributing.groups import measured_groups
from ..errors import UserError
from ..grid.expand import expand, unique
from ..grid.selection import Selection
from ..isolation.child import Setup
from ..isolation.limits import IsolationLimits
from ..machine.device import use_device
from ..machine.environment import environment
from ..machine.memory import forget_peak, peak_resident_bytes
from ..measure.clock import time_once
from ..pages.record_table import MOST
from ..progress import RunProgress
from ..records.durable import replace_durably
from ..records.journal import Journal
from ..records.record import Record
from ..runs.provenance import now
from ..runs.run import Plan, RunningRun, plan_run, started
from .grid_seconds import grid_seconds, group_seconds
from .simulation_file import (
    SIMULATION_FILE,
    JournalStage,
    PageStage,
    Simulated,
    SleepingRun,
    TimedStage,
)
from .sleeping_client import (
    Sleepers,
    SleepingAnswer,
    SleepingClient,
    emptied,
    filled,
    sleeping_cluster,
)

MOST_GROUPS = 10**9
WEIGHED = (
    "import os, sys; "
    "child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, '-c', *sys.argv[1:]]); "
    "_, status, usage = os.wait4(child, 0); "
    "print(usage.ru_maxrss); sys.exit(os.waitstatus_to_exitcode(status))"
)
HGB = "import sys; from hypergrad_bench.bench.cli import main; sys.argv[0] = 'hgb'; main()"


class AskedRun(NamedTuple):
    """A run of sleeping groups: who sleeps, how many groups of the grid, how long each."""

    sleepers: Sleepers
    groups: int
    seconds: float


@dataclass(frozen=True)
class AskedSimulation:
    """What is simulated.

    Attributes:
        selection: the grid.
        template: the journal of a recorded run of the same grid with fewer seeds, whose lines stand for all.
        whole: the run of the whole grid.
        short: further runs, of its first groups.
    """

    selection: Selection
    template: Path
    whole: AskedRun
    short: tuple[AskedRun, ...] = ()


def default_simulation(results: Path, seeds: int) -> AskedSimulation:
    """Return the simulation of the page: the default suite, 195 cases a seed, on a thousand slots.

    Groups of the whole grid sleep as long as recorded ones take in the mean, where each worker compiles the
    programs of the problem that it keeps to. Those of the other runs do not sleep, and show how many a second
    come through.
    """
    recorded, slots = results / "default-cpu", 1000
    one = group_seconds(recorded)
    groups = seeds * len(one.compiled)
    seconds = grid_seconds(one, groups, slots).fastest * slots / groups
    short = (
        AskedRun(Sleepers(2, 10), 1500, 0.0),
        AskedRun(Sleepers(2, 100), 1500, 0.0),
        AskedRun(Sleepers(2, 1000), 3000, 0.0),
        AskedRun(Sleepers(2, 4000), 6000, 0.0),
    )
    whole = AskedRun(Sleepers(2, slots), MOST_GROUPS, seconds)
    return AskedSimulation(Selection(seeds=seeds), recorded / "records.jsonl", whole, short)


def simulate(asked: AskedSimulation, folder: Path, command: Sequence[str]) -> Simulated:
    """Simulate in an empty folder, which then holds the journals, and return what was measured.

    Raises:
        UserError: if the grid is not that of the template's journal, or the folder cannot be written.
    """
    plan, planning = _staged(lambda: plan_run(asked.selection, folder / "run"))
    ids, listing = _staged(lambda: [[case.id for case in group] for group in plan.groups])
    _, worker_listing = _staged(lambda: list(unique(expand(plan.request).groups)))
    grid = _grid_of(plan, ids, asked.template)
    journal = _journal_alone(folder / "journal" / "records.jsonl", grid)
    runs = []
    for number, run in enumerate((asked.whole, *asked.short)):
        own = folder / (f"run-{number}" if number else "run")
        runs.append(_sleeping_run(Plan(own, plan.request, plan.groups[: run.groups]), run, grid))
    table = _command("table", str(plan.folder), "--no-write")
    report = _command("report", str(plan.folder))
    resume = _command("run", "--resume", str(plan.folder))
    return Simulated(
        command=list(command),
        created=now(),
        environment=environment(),
        cases=plan.cases,
        groups=len(plan.groups),
        planning=planning,
        listing=listing,
        worker_listing=worker_listing,
        journal=journal,
        runs=runs,
        table=table,
        report=PageStage(
            seconds=report.seconds,
            peak_bytes=report.peak_bytes,
            page_bytes=(plan.folder / "report.html").stat().st_size,
            records=min(plan.cases, MOST),
        ),
        resume=resume,
    )


def simulate_default(results: Path, out: Path, seeds: int, command: Sequence[str]) -> None:
    """Simulate the grid of the page in a folder that is removed, and write `simulation.json` into `out`.

    Raises:
        UserError: for what `simulate` refuses.
        OSError: if `out` cannot be written.
    """
    use_device("cpu", spare=True)
    with tempfile.TemporaryDirectory() as folder:
        found = simulate(default_simulation(results, seeds), Path(folder), command)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.model_dump(mode="json"), indent=2) + "\n"
    replace_durably(out / SIMULATION_FILE, text.encode())


class _Grid(NamedTuple):
    """What is answered for every case.

    Attributes:
        templates: lines of records, one for each contestant of each problem, without id and seed.
        answers: of every case, by its id.
        groups: the ids of each group.
    """

    templates: list[str]
    answers: dict[str, SleepingAnswer]
    groups: Sequence[Sequence[str]]

    def lines(self) -> Iterator[list[str]]:
        """Yield the lines of each group's records."""
        for group in self.groups:
            told = [self.answers[one] for one in group]
            yield [filled(self.templates[template], one, seed) for template, one, seed in told]


def _grid_of(plan: Plan, ids: Sequence[Sequence[str]], template: Path) -> _Grid:
    """Take for each case the recorded one of the same contestant at seed 0."""
    recorded = {one.id: one for one in Journal(template, Record).read().entries}
    grid = _Grid([], {}, ids)
    first = 0
    for group, names in zip(plan.groups, ids, strict=True):
        seed = group[0].instance.seed
        if seed == 0:
            first = len(grid.templates)
            grid.templates.extend(emptied(_recorded(recorded, one, template)) for one in names)
        for number, one in enumerate(names):
            grid.answers[one] = SleepingAnswer(first + number, one, seed)
    return grid


def _recorded(recorded: Mapping[str, Record], one: str, template: Path) -> Record:
    if one not in recorded:
        raise UserError(f"{template} has no record {one}: the journal of a run of the same grid is accepted")
    return recorded[one]


def _journal_alone(path: Path, grid: _Grid) -> JournalStage:
    """Write every group's records as a run does, without anybody who measures."""
    with Journal(path, Record).writer() as writer:

        def write() -> int:
            count = 0
            for group in grid.lines():
                writer.append_all([Record.from_line(line) for line in group])
                count += len(group)
            return count

        done = time_once(_as_usual(write))
    written = path.stat().st_size
    path.unlink()
    return JournalStage(
        records=done.result, appends=len(grid.groups), seconds=done.seconds, journal_bytes=written
    )


def _sleeping_run(plan: Plan, asked: AskedRun, grid: _Grid) -> SleepingRun:
    """Hand a plan's groups out as a run does, and record what comes back."""
    with (
        started(plan, ["hgb", "run"], "cpu", IsolationLimits()) as running,
        sleeping_cluster(asked.sleepers, grid.templates) as dask,
        RunProgress(running.cases) as progress,
    ):
        client = SleepingClient(dask, asked.sleepers.slots, grid.answers, asked.seconds)
        forget_peak()
        done = time_once(_as_usual(lambda: _hand_out(running, client, progress)))
        peak = peak_resident_bytes()
    return SleepingRun(
        slots=asked.sleepers.slots,
        workers=asked.sleepers.workers,
        sleep_seconds=asked.seconds,
        groups=len(plan.groups),
        records=done.result,
        seconds=done.seconds,
        peak_bytes=peak,
    )


def _hand_out(running: RunningRun, client: SleepingClient, progress: RunProgress) -> int:
    """Do what a run does on a cluster; return how many records came."""
    setup = Setup(
        selection=running.plan.selection, timing=running.timing, command=list(running.command), device="cpu"
    )
    came = 0
    groups = running.missing
    for records in measured_groups(client, groups, setup, IsolationLimits(), [], progress.begin):
        running.opened.writer.append_all(records)
        progress.advance(len(records))
        came += len(records)
    return came


def _staged(call: Callable[[], Any]) -> tuple[Any, TimedStage]:
    forget_peak()
    done = time_once(_as_usual(call))
    return done.result, TimedStage(seconds=done.seconds, peak_bytes=peak_resident_bytes())


def _as_usual(call: Callable[[], Any]) -> Callable[[], Any]:
    """Let a call collect its garbage, as it does in a run: the clock holds that, and memory would grow."""

    def run() -> Any:
        gc.enable()
        return call()

    return run


def _command(*arguments: str) -> TimedStage:
    """Run a command of `hgb` in a process of its own; raise `UserError` with what it said if it fails.

    Its peak is that of a child of a child: Linux counts what this process holds as the peak of its own.
    """
    done = time_once(
        lambda: subprocess.run([sys.executable, "-S", "-c", WEIGHED, HGB, *arguments], capture_output=True)
    )
    if done.result.returncode:
        said = done.result.stderr.decode()[-500:]
        raise UserError(f"hgb {' '.join(arguments)} ended with {done.result.returncode}: {said}")
    return TimedStage(seconds=done.seconds, peak_bytes=1024 * int(done.result.stdout.split()[-1]))
