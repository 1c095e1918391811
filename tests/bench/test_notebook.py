"""Runs in a notebook."""

import json
from pathlib import Path

import pytest
from synthetic_records import grid, measured

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.notebook import load_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose last line is torn, and whose plug-in has a name that is a tag."""
    about = {"selection": {"suite": "default"}, "cases": 1, "command": ["hgb"], "created": "2026-01-02"}
    (tmp_path / "run.json").write_text(json.dumps(about | {"environment": {}}))
    lines = [record.to_line() for record in (*grid(), measured(task="<script>"))]
    (tmp_path / "records.jsonl").write_text("\n".join([*lines, '{"id": "01']))
    return tmp_path


def test_a_notebook_shows_the_answer_and_what_was_left_out(folder) -> None:
    """Names are text."""
    run = load_run(folder)
    assert len(run.records) == len(grid()) + 1
    shown = run._repr_html_()
    assert shown.count(">Which method?<") == 1
    assert "1 lines cannot be read" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_records_are_a_table_of_pandas(folder) -> None:
    """One row per record, one column per field."""
    pandas = pytest.importorskip("pandas")
    frame = load_run(folder).frame()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == len(grid()) + 1
    assert frame.query("status == 'failed'").total_seconds.isna().all()
    assert frame.set_index("id").loc[grid()[0].id, "relative_error"] == grid()[0].relative_error


def test_a_folder_without_a_run_is_refused(tmp_path) -> None:
    """With a sentence."""
    with pytest.raises(UserError, match="run"):
        load_run(tmp_path / "none")


def test_a_notebook_shows_a_record(folder) -> None:
    """What is known of it; what a plug-in or an exception said is text."""
    shown = measured(task="<script>", reason="<b>&", relative_error=1e-3)._repr_html_()
    for text in ("&lt;script&gt;", "&lt;b&gt;&amp;", "relative_error", "0.001"):
        assert text in shown
    for text in ("<script>", "<b>", "error_bound", "input_hashes"):
        assert text not in shown
