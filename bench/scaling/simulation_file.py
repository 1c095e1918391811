"""`simulation.json`: what the harness did with a grid whose cases slept."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ..records.strict_json import read_model

SIMULATION_FILE = "simulation.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimedStage(_Part):
    """One stage: its seconds, and the most memory that its process held; None where the system tells none."""

    seconds: float
    peak_bytes: int | None


class JournalStage(_Part):
    """A journal alone, written group by group.

    Attributes:
        records: written.
        appends: each of which ends on the disk.
        seconds: for all.
        journal_bytes: that they are.
    """

    records: int
    appends: int
    seconds: float
    journal_bytes: int


class SleepingRun(_Part):
    """Groups that went through scheduler, client and journal.

    Attributes:
        slots: tasks at a time; the harness was told of so many workers.
        workers: of Dask, in the client's process.
        sleep_seconds: of a group, the mean.
        groups: handed out.
        records: that came back.
        seconds: from the first group to the last record on the disk.
        peak_bytes: of the process that held client, scheduler and workers.
    """

    slots: int
    workers: int
    sleep_seconds: float
    groups: int
    records: int
    seconds: float
    peak_bytes: int | None


class PageStage(TimedStage):
    """A page for a browser: its size, and of how many records it holds every number."""

    page_bytes: int
    records: int


class Simulated(_Part):
    """The whole simulation.

    Attributes:
        command: that made it.
        created: ISO 8601, UTC.
        environment: versions and machine.
        cases: of the grid.
        groups: that they are in.
        planning: the grid planned, as the client does once: every case, each once.
        listing: every planned case given its id.
        worker_listing: the grid listed and each case given its id, as a worker's process that measures does
            before the grid's last group, and in part before any other; None in simulations of before.
        journal: written without a scheduler.
        runs: through the scheduler; the first is the whole grid.
        table: `hgb table FOLDER --no-write` on the whole journal.
        report: `hgb report FOLDER` on it.
        resume: `hgb run --resume FOLDER` on it, with nothing left to measure: tables, figures and page.
    """

    command: list[str]
    created: str
    environment: dict[str, JsonValue]
    cases: int
    groups: int
    planning: TimedStage
    listing: TimedStage
    worker_listing: TimedStage | None = None
    journal: JournalStage
    runs: list[SleepingRun]
    table: TimedStage
    report: PageStage
    resume: TimedStage


def read_simulation(folder: Path) -> Simulated | None:
    """Read a folder's simulation; None where there is none.

    Raises:
        UserError: if it is damaged.
    """
    path = folder / SIMULATION_FILE
    return read_model(path, Simulated, "a simulation") if path.exists() else None
