"""What every reproduction of this project's own shares."""

from pathlib import Path
from typing import Any

import pytest
from reproduction_rows import quick_rows

from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import (
    CertifiedL1,
    DeqStep,
    EquilibriumCost,
    HypergradientScale,
    InexactLowerLevel,
    LearnedHypergradients,
)
from hypergrad_bench.bench.reproductions.counted import (
    Counted,
    counted_verdict,
)

OWN = [
    CertifiedL1(),
    DeqStep(),
    EquilibriumCost(),
    HypergradientScale(),
    InexactLowerLevel(),
    LearnedHypergradients(),
]
QUICK = ["certified-inexactness", "restarts"]


@pytest.mark.parametrize("entry", OWN, ids=repr)
def test_a_page_without_rows_says_that_nothing_is_measured(entry: Any, tmp_path: Path) -> None:
    page = entry.page([])
    assert page.verdict.startswith("Not measured: ")
    assert "olds" not in page.verdict
    write_page(page, tmp_path)


def test_a_verdict_counts() -> None:
    """One sentence an outcome, in the order in which a reader asks."""
    found = counted_verdict(
        [Counted("b", 1, 2, "worst 3"), Counted("a", 2, 2), Counted("c", 0, 0, "", "1 nonsmooth")]
    )
    assert found == "Holds: a (2 of 2). Does not hold: b (1 of 2, worst 3). Not measured: c (1 nonsmooth)."


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_the_quick_reproduction_runs_from_the_command_line(name: str, tmp_path: Path) -> None:
    """Those whose quick rows no other test looks at."""
    assert quick_rows(name, tmp_path / "quick")
