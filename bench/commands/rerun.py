"""`hgb rerun`: measure one recorded case again."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import UserError
from ..grid.case import Case
from ..grid.recorded_case import recorded_case
from ..grid.suites import Suite
from ..machine.device import use_device
from ..machine.environment import environment
from ..measure.workbench import Context, Workbench
from ..records.record import Record
from ..report.terminal import print_lines
from ..runs.recorded import readings, recorded_folders, where_recorded
from ..runs.run import requested, timing_of
from ..runs.run_file import RECORDS, run_folder
from ..runs.timing import Timing

_FIELDS = (
    "status",
    "rounds",
    "steps",
    "residual",
    "adjoint_residual",
    "relative_error",
    "cosine",
    "norm_ratio",
    "reference_error",
    "loss",
    "solve_seconds",
    "total_seconds",
    "overhead",
    "compile_seconds",
    "memory_bytes",
)
_OF_OLDER_VERSION = (
    "with the rounds that run.json asks for and else as suite {!r} does now, since its version noted no more"
)


def rerun(record_id: str, run: Path | None, device: str) -> None:
    """Measure one recorded case again, and print both.

    Raises:
        UserError: if no record has the id, or if this version's grid no longer holds its case.
    """
    use_device(device)
    folder, old = _find(record_id, run)
    about = run_folder(folder).about()
    request = requested(about.selection)
    case = recorded_case(old, request)
    if case is None:
        raise UserError(f"{folder} has a record {old.id} that this version's grid no longer holds")
    timing = timing_of(about, request.suite)
    new = _measure(case, request.suite, timing)
    _print(old, new)
    source = "as run.json says" if about.timing else _OF_OLDER_VERSION.format(about.selection.suite)
    Console(highlight=False).print(Text(f"Timed {source}: {timing.sentence()}."), soft_wrap=True)


def _measure(case: Case, suite: Suite, timing: Timing) -> Record:
    context = Context(timing.compiled(suite), timing.clock, environment(), ["hgb", "rerun", case.id])
    return next(iter(Workbench(context).measure([case]))).record


def _find(record_id: str, run: Path | None) -> tuple[Path, Record]:
    """Return the newest run that holds the record, and the record; name the lines that cannot be read."""
    read = readings([run] if run else recorded_folders())
    print_lines("left out", (line for reading in read.values() for line in reading.bad_lines))
    found = [
        (folder, record)
        for folder, reading in read.items()
        for record in reading.entries
        if record_id and record.id.startswith(record_id)
    ]
    if not found:
        where = run or where_recorded()
        raise UserError(f"no record with id {record_id!r} in {where}; ids are in a run's {RECORDS}")
    if len({record.id for _, record in found}) > 1:
        raise UserError(f"{record_id!r} begins the ids of several records; give more digits")
    return max(found, key=lambda pair: pair[1].created)


def _print(old: Record, new: Record) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column(old.id, no_wrap=True)
    table.add_column("recorded", justify="right", no_wrap=True)
    table.add_column("again", justify="right", no_wrap=True)
    for name in _FIELDS:
        table.add_row(name, *(Text(_show(getattr(record, name))) for record in (old, new)))
    console = Console(highlight=False)
    problem = f"{old.task}, {old.regularizer}, {old.size}, {old.dtype}, seed {old.seed}"
    console.print(Text(f"{old.method} with {old.solver}: {problem}", style="bold"), table)
    same = old.input_hashes == new.input_hashes
    console.print("The inputs are the same bits." if same else "The inputs differ from the recorded ones.")


def _show(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
