"""`inexact-lower-level`: its smallest case, and pages and verdicts from made-up rows."""

from pathlib import Path
from typing import Any

import pytest
from reproduction_rows import quick_rows, replaced

from hypergrad_bench.bench.report.page import page_markdown, write_page
from hypergrad_bench.bench.reproductions import InexactLowerLevel
from hypergrad_bench.bench.reproductions.counted import (
    DOES_NOT_HOLD,
    HOLDS,
)
from hypergrad_bench.bench.reproductions.inexact_lower_level import measure as inexact_measure
from hypergrad_bench.bench.reproductions.inexact_lower_level import verdict as inexact_verdict
from hypergrad_bench.bench.reproductions.inexact_lower_level.example import EXAMPLE


@pytest.fixture(scope="module")
def inexact(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """l1 denoising at two tolerances, of the quick reproduction."""
    rows = quick_rows("inexact-lower-level", tmp_path_factory.mktemp("quick") / "run")
    return rows[InexactLowerLevel().cases(quick=True)[0].name]


def test_the_error_of_the_gradient_falls_with_the_tolerance(inexact: list[Any]) -> None:
    """At 1e-9 both rules are right, and the closed form knows that no row is ambiguous."""
    loose, loose_unrolled, tight, tight_unrolled = inexact
    assert [row["method"] for row in inexact] == ["closed form", "unrolled"] * 2
    assert loose["gradient_error"] > 1e-2 < loose_unrolled["gradient_error"]
    assert max(tight["gradient_error"], tight_unrolled["gradient_error"]) < 1e-6
    assert tight["x_error"] < 1e-7 < 1e-3 < loose["x_error"]
    assert tight["wrong_rows"] == tight["ambiguous"] == 0 < loose["ambiguous"]
    assert tight["reference_error"] < 1e-6


def test_a_reference_that_is_not_trusted_leaves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured against it, and the page says so."""
    monkeypatch.setattr(inexact_measure, "exact", lambda pair: None)
    entry = InexactLowerLevel()
    (row,) = entry.measure(entry.cases(quick=True)[0], quick=True)
    assert row["status"] == "failed"
    text = page_markdown(entry.page([row]))
    assert "Not measured: the reference is not trusted" in text


def inexact_row(tolerance: float, gradient_error: float, **changes: Any) -> dict[str, Any]:
    row = {
        "case": "l1 something",
        "solver": "Admm()",
        "quick": False,
        "method": "closed form",
        "reference_error": 1e-9,
        "tolerance": tolerance,
        "steps": 40,
        "residual": tolerance / 2,
        "x_error": tolerance,
        "gradient_error": gradient_error,
        "status": "ok",
        "reason": "",
        "wrong_rows": 0,
        "ambiguous": 3,
        "rows_of_W": 63,
    }
    return row | changes


def example_row(steps: int, difference: float, slope: float) -> dict[str, Any]:
    return {
        "case": EXAMPLE.name,
        "solver": "PrimalDual()",
        "method": "iterate",
        "quick": False,
        "exact": -29.0,
        "steps": steps,
        "residual": 1e-6,
        "x_error": 2e-4,
        "by_differences": difference,
        "by_ad": slope,
        "status": "ok",
        "reason": "",
    }


INEXACT_ROWS = [
    inexact_row(1e-2, 0.5),
    inexact_row(1e-4, 1e-2),
    inexact_row(1e-8, 1e-6),
    inexact_row(1e-12, 1e-9),
    example_row(1000, -19.2, -19.24),
]


def test_the_tolerance_that_is_needed() -> None:
    """A tighter tolerance that fails again rules the looser ones out."""

    def needed(rows: list[Any], level: float) -> float | None:
        return inexact_verdict.needed_tolerance(rows, "l1 something", "closed form", level)

    rows = INEXACT_ROWS[:4]
    assert [needed(rows, level) for level in (1.0, 1e-2, 1e-4, 1e-6, 1e-10)] == [1e-2, 1e-4, 1e-8, 1e-8, None]
    assert needed(replaced(rows, 2, gradient_error=0.2), 1e-2) == 1e-12


def test_an_inexact_verdict_that_holds(tmp_path: Path) -> None:
    assert [one.outcome for one in inexact_verdict.count_targets(INEXACT_ROWS)] == [HOLDS] * 3
    page = InexactLowerLevel().page(INEXACT_ROWS)
    text = page_markdown(page)
    assert text.index("**Rule.**") < text.index("## Tolerance needed") < text.index("## l1 something")
    assert "| l1 something | closed form | 1e-04 | 1e-08 | 1e-08 |" in text
    assert "No row: wherever x is right, so is the gradient." in text
    assert "| 1,000 | 1.0e-06 | 2.0e-04 | -19.2 | -19.24 | -29 | 3.4e-01 |" in text
    assert len(write_page(page, tmp_path)) == 2


@pytest.mark.parametrize(
    ("which", "changed", "failing"),
    [
        (3, inexact_row(1e-12, 1.1e-6), {0}),
        (1, inexact_row(1e-3, 0.1), {1}),
        (4, example_row(1000, -28.95, -29.0), {2}),
        (4, example_row(1000, -15.0, -19.24), {2}),
    ],
)
def test_each_inexact_target_fails_by_itself(which: int, changed: dict[str, Any], failing: set[int]) -> None:
    """Not accurate enough; misleading; the example converged; differences and AD that disagree."""
    rows = replaced(INEXACT_ROWS, which, **changed)
    outcomes = [one.outcome for one in inexact_verdict.count_targets(rows)]
    assert {number for number, outcome in enumerate(outcomes) if outcome == DOES_NOT_HOLD} == failing
    if failing == {1}:
        assert "x is right, the gradient is not." in page_markdown(InexactLowerLevel().page(rows))
