"""The documented columns and statuses are those of the code."""

from pathlib import Path

import pytest

from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.columns import COLUMNS
from hypergrad_bench.bench.report.markdown import escaped

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "columns.md").read_text().splitlines()
EXPECTED = [f"- **{column.heading}**: {column.meaning}" for column in COLUMNS]
EXPECTED += [f"- **{escaped(status)}**: {status.sentence}" for status in Status]


@pytest.mark.parametrize("line", EXPECTED)
def test_a_column_or_a_status_is_documented_as_it_is(line: str) -> None:
    assert line in PAGE


def test_nothing_else_is_documented() -> None:
    """But the id of a row's record."""
    assert sum(line.startswith("- **") for line in PAGE) == len(EXPECTED) + 1
