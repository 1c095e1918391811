"""The page on scaling shows what the code computes from the recorded results, and says all of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.scaling.curve_checks import CurveCheck, all_checks
from hypergrad_bench.bench.scaling.experts_points import smooth_row
from hypergrad_bench.bench.scaling.page_places import fill
from hypergrad_bench.bench.scaling.scaling_tables import scaling_tables

RESULTS = Path(__file__).resolve().parents[3] / "results"
PAGE = RESULTS.parent / "docs" / "scaling.md"


@pytest.fixture(scope="module")
def checks() -> list[CurveCheck]:
    return all_checks(RESULTS)


def test_the_tables_are_those_that_the_results_give() -> None:
    """`python -m hypergrad_bench.bench.scaling` writes them."""
    assert fill(PAGE.read_text(), scaling_tables(RESULTS)) == PAGE.read_text()


def test_every_method_of_the_frontier_on_experts_has_a_model() -> None:
    records = Journal(RESULTS / "frontier-cpu" / "records.jsonl", Record).read().entries
    measured = [one for one in records if one.regularizer == "fields-of-experts" and one.total_seconds]
    assert len(measured) > 300
    assert [one.method for one in measured if smooth_row(one) is None] == []


def test_what_is_predicted_took_no_part_in_the_figures(checks: list[CurveCheck]) -> None:
    for check in checks:
        assert check.known, check.name
        assert check.held_out, check.name
        assert max(one.size for one in check.known) < min(one.size for one in check.held_out)


def test_another_known_time_changes_the_figures_and_another_held_out_one_does_not(
    checks: list[CurveCheck],
) -> None:
    check = next(one for one in checks if one.name == "experts, 32 to 64")

    def slower(points: tuple) -> tuple:
        return tuple(one._replace(seconds=one.seconds and 2 * one.seconds) for one in points)

    device = check.device
    assert device is not None
    same = CurveCheck(check.name, check.sentence, check.known, slower(check.held_out))
    other = CurveCheck(check.name, check.sentence, slower(check.known), check.held_out)
    assert same.device == device
    assert other.device is not None
    assert other.device.prices == pytest.approx([2 * one for one in device.prices])
    before, after = check.errors()["unrolled"].seconds, same.errors()["unrolled"].seconds
    assert before is not None
    assert after is not None
    assert after.ratio == pytest.approx(before.ratio / 2)


def test_tables_are_made_without_jax() -> None:
    program = (
        "import sys, hypergrad_bench.bench.scaling.scaling_tables\n"
        "sys.exit('jax' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
