"""What the tests of reproductions share."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hypergrad_bench.bench.cli import main


def replaced(rows: list[Any], which: int, **changes: Any) -> list[Any]:
    """Rows with one of them changed."""
    return [row | changes if number == which else row for number, row in enumerate(rows)]


def quick_rows(name: str, folder: Path, *options: str) -> dict[str, list[Any]]:
    """Run a quick reproduction from the command line; the rows that it recorded, by case, without NaN."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hgb", "reproduce", name, "--quick", "--out", str(folder), *options])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    assert code == 0
    assert (folder / "figures").is_dir()
    lines = (folder / "rows.jsonl").read_text().splitlines()
    return {entry["case"]: entry["rows"] for entry in map(json.loads, lines)}
