"""A run as the results of a benchmark of benchopt, for its own plots.

What benchopt calls a data set is a problem here, its solver a method with a solver, its repetition a seed.
Its stop value counts the settings of one method, the loosest first: a sweep changes steps or tolerances.
It knows no status: only what was measured, with its numbers, is there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from ..errors import UserError, refuse_taken, unwritable
from ..records.durable import replace_durably
from ..records.record import Record
from ..records.status import Status
from ..report.tables import problem_of, unbracketed
from .parquet import parquet_file

OBJECTIVE = '''"""What benchopt reads of this folder: `benchopt plot` on it draws outputs/*.parquet."""

from benchopt import BaseObjective


class Objective(BaseObjective):
    """The error of a hypergradient, as hypergrad-bench measured it; nothing can be run from here."""

    name = "hypergradients"
    url = "hypergrad-bench"  # none is the address of a benchmark of benchopt's own

    def set_data(self):
        """Refuse to run."""
        raise NotImplementedError("hypergrad-bench runs it: hgb run")

    get_objective = evaluate_result = set_data
'''
_METRICS = ("relative_error", "reference_error", "residual", "adjoint_residual", "loss", "memory_bytes")


def write_benchopt(
    records: Sequence[Record], environment: Mapping[str, JsonValue], name: str, folder: Path
) -> int:
    """Write a folder that `benchopt plot` opens, and return how many records it holds.

    Left out is what was not measured, or has no time or no error. What is not ok has its status in its
    name, so that no median is taken over seeds that came out otherwise.

    Raises:
        UserError: if no record is left, if pyarrow is not installed, or if the folder is not an empty one or
            cannot be written.
    """
    refuse_taken(folder, "give a new one")
    shown = [
        one for one in records if one.status.measured and None not in (one.total_seconds, one.relative_error)
    ]
    if not shown:
        raise UserError("no record was measured with a time and an error, and benchopt shows nothing else")
    content = parquet_file(_columns(shown, environment), {"_meta_json": "{}"})
    try:
        (folder / "outputs").mkdir(parents=True, exist_ok=True)
        replace_durably(folder / "outputs" / f"{name}.parquet", content)
        replace_durably(folder / "objective.py", OBJECTIVE.encode())
    except OSError as error:
        raise unwritable(folder, error) from error
    return len(shown)


def _columns(
    records: Sequence[Record], environment: Mapping[str, JsonValue]
) -> Mapping[str, Sequence[object]]:
    same = {
        "objective_name": "hypergradients",
        "obj_description": "relative error of the hypergradient",
        "version-numpy": str(environment.get("numpy", "")),
        "system-cpus": environment.get("cpu_count"),
        "system-processor": str(environment.get("cpu_model") or environment.get("device_kind") or ""),
        "platform": str(environment.get("platform", "")),
        "platform-release": "",
        "platform-architecture": "",
    }
    columns: dict[str, Sequence[object]] = {
        "dataset_name": [problem_of(one).title() for one in records],
        "solver_name": [_solver(one) for one in records],
        "stop_val": _places(records),
        "idx_rep": [one.seed for one in records],
        "time": [one.total_seconds for one in records],
        "run_date": [one.created for one in records],
        "status": [one.status.value for one in records],
    }
    # Floats, also where none was measured: benchopt looks at the columns' types.
    metrics = {f"objective_{name}": [_number(getattr(one, name)) for one in records] for name in _METRICS}
    return {**columns, **metrics, **{name: [value] * len(records) for name, value in same.items()}}


def _solver(record: Record) -> str:
    """Name the method with its solver, and the status unless it is ok: each is a curve of its own."""
    status = "" if record.status is Status.OK else f" ({record.status.value})"
    return f"{unbracketed(record.sweep or record.method)} with {unbracketed(record.solver)}{status}"


def _places(records: Sequence[Record]) -> list[int]:
    """Return the place of each record's settings among those of its curve on its problem, from 1.

    The loosest tolerance comes first, then the fewest steps; other settings keep the order of the run.
    """
    curves: dict[object, dict[tuple[float, int, str], None]] = {}
    for one in records:
        curves.setdefault((problem_of(one), _solver(one)), {}).setdefault(_settings(one), None)
    ordered = {name: sorted(found, key=_tightness) for name, found in curves.items()}
    return [ordered[problem_of(one), _solver(one)].index(_settings(one)) + 1 for one in records]


def _settings(record: Record) -> tuple[float, int, str]:
    return -record.tolerance, record.max_steps, record.method


def _tightness(settings: tuple[float, int, str]) -> tuple[float, int]:
    return settings[:2]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
