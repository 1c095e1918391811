"""The recorded smoke run that a new one is compared with."""

from pathlib import Path

import pytest
from slim_run import alike, slim

from hypergrad_bench.bench.commands.compare import compare_runs
from hypergrad_bench.bench.runs.run_file import run_folder


@pytest.fixture
def recorded(repository: Path) -> Path:
    """Its folder."""
    return repository / "tests" / "smoke_run"


def test_it_is_like_itself_and_holds_what_is_compared(recorded: Path, tmp_path: Path) -> None:
    slim(recorded, tmp_path / "again")
    assert run_folder(recorded).about().selection.suite == "smoke"
    again, before = (run_folder(folder).journal.read().entries for folder in (tmp_path / "again", recorded))
    assert again == before
    assert alike(recorded, tmp_path / "again")
    compare_runs(recorded, tmp_path / "again", 3.0)
