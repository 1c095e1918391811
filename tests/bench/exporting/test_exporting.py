"""Records for other programs: nothing is lost, nothing without a number is shown as one."""

import importlib
import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic_records import grid, identity, measured, record

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.exporting.benchopt import write_benchopt
from hypergrad_bench.bench.exporting.parquet import NESTED, parquet_of_records
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status

parquet = pytest.importorskip("pyarrow.parquet")
arrow = pytest.importorskip("pyarrow")

ENVIRONMENT = {"numpy": "2.0", "cpu_count": 2, "platform": "Linux", "cpu_model": "one"}


def read(content: bytes):
    """The table in a file's bytes."""
    return parquet.read_table(arrow.BufferReader(content))


def test_every_field_of_every_record_comes_back() -> None:
    """Numbers to the bit, what is missing as null, nested fields as JSON."""
    records = [
        *grid(),
        record(id=identity(999), status=Status.FAILED, reason="why\nnot"),
        measured(
            id=identity(1000),
            environment={"jax": "0.10"},
            command=["hgb", "run"],
            certified=True,
            parameters=7,
            retraces=0,
            ambiguous=1.0,
            adjoint_steps=2.5,
        ),
    ]
    table = read(parquet_of_records(records, {"cases": 3}))
    assert table.column_names == list(Record.model_fields)
    assert json.loads(table.schema.metadata[b"hypergrad_bench"]) == {"cases": 3}
    rows = [
        {name: json.loads(value) if name in NESTED else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
    assert [Record.from_line(json.dumps(row)) for row in rows] == records


def test_columns_have_their_types_though_nothing_was_measured() -> None:
    """Files of two runs can be read as one."""
    empty, full = (read(parquet_of_records(records, {})) for records in ([], grid()))
    assert empty.schema.equals(full.schema)
    assert str(full.schema.field("relative_error").type) == "double"
    assert str(full.schema.field("certified").type) == "bool"
    assert str(full.schema.field("retraces").type) == "int64"


def test_benchopt_gets_what_was_measured(tmp_path: Path) -> None:
    """One row per record with a time and an error; another status is another curve."""
    records = [
        measured(),
        measured(id=identity(2), seed=1, status=Status.MAX_STEPS),
        measured(id=identity(3), sweep="Unrolled()", max_steps=8, status=Status.MAX_STEPS, residual=None),
        measured(id=identity(4), relative_error=None),
        record(id=identity(5), status=Status.FAILED),
    ]
    assert write_benchopt(records, ENVIRONMENT, "run", tmp_path) == 3
    table = parquet.read_table(tmp_path / "outputs" / "run.parquet")
    assert b"_meta_json" in table.schema.metadata
    rows = table.to_pylist()
    assert [row["solver_name"] for row in rows] == [
        "ClosedForm with DualFista",
        "ClosedForm with DualFista (max_steps)",
        "Unrolled with DualFista (max_steps)",
    ]
    assert [row["time"] for row in rows] == [0.0145] * 3
    assert math.isnan(rows[2]["objective_residual"])
    assert rows[0]["objective_relative_error"] == 2.34e-7


def test_the_points_of_a_sweep_are_apart(tmp_path: Path) -> None:
    """A sweep may change the tolerance alone: no two of its points are one for benchopt."""
    swept = [
        measured(id=identity(10 * place + seed), sweep="ClosedForm()", tolerance=tolerance, seed=seed)
        for place, tolerance in enumerate((1e-6, 1e-2, 1e-4))
        for seed in (0, 1)
    ]
    write_benchopt(swept, ENVIRONMENT, "run", tmp_path / "shown")
    rows = parquet.read_table(tmp_path / "shown" / "outputs" / "run.parquet").to_pylist()
    assert [row["stop_val"] for row in rows] == [3, 3, 1, 1, 2, 2]
    assert [row["idx_rep"] for row in rows] == [0, 1] * 3
    with pytest.raises(UserError, match="not an empty folder"):
        write_benchopt(swept, ENVIRONMENT, "run", tmp_path / "shown")


def test_nothing_for_benchopt_is_refused(tmp_path: Path) -> None:
    """Its plots would be empty without a word."""
    with pytest.raises(UserError, match="no record was measured"):
        write_benchopt([record(status=Status.FAILED)], ENVIRONMENT, "run", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_pyarrow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""

    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"hypergrad-bench\[parquet\]"):
        parquet_of_records(grid(), {})


@pytest.mark.skipif(shutil.which("benchopt") is None, reason="benchopt is not installed")
def test_benchopt_itself_draws_the_folder(tmp_path: Path) -> None:
    """Its own command, on what was written for it."""
    write_benchopt(grid(), ENVIRONMENT, "run", tmp_path)
    plotted = subprocess.run(
        ["benchopt", "plot", str(tmp_path), "--no-display"], capture_output=True, text=True
    )
    assert plotted.returncode == 0, plotted.stdout + plotted.stderr
    (page,) = (tmp_path / "outputs").glob("*_run.html")
    assert "ClosedForm with DualFista" in page.read_text()
