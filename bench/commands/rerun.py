"""`hgb rerun`: measure one recorded case again."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..grid.case import Case
from ..grid.suites import Suite
from ..grid.timing import Timing
from ..machine.device import use_device
from ..machine.environment import environment
from ..measure.workbench import Context, Workbench
from ..records.record import Record
from ..runs.run import timing_of
from .found_record import found_record

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
    found = found_record(record_id, run)
    old, about, request = found.record, found.about, found.request
    timing = timing_of(about, request.suite)
    new = _measure(found.case, request.suite, timing)
    _print(old, new)
    source = "as run.json says" if about.timing else _OF_OLDER_VERSION.format(about.selection.suite)
    Console(highlight=False).print(Text(f"Timed {source}: {timing.sentence()}."), soft_wrap=True)


def _measure(case: Case, suite: Suite, timing: Timing) -> Record:
    context = Context(timing.compiled(suite), timing.clock, environment(), ["hgb", "rerun", case.id])
    return next(iter(Workbench(context).measure([case]))).record


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
