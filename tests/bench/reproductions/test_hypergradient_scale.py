"""`hypergradient-scale`: its smallest case, and pages and verdicts from made-up rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reproduction_rows import quick_rows, replaced

from hypergrad_bench.bench.measure import memory_limit
from hypergrad_bench.bench.measure.samples import Samples
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.page import page_markdown, write_page
from hypergrad_bench.bench.reproductions import HypergradientScale, growing_images
from hypergrad_bench.bench.reproductions.counted import (
    DOES_NOT_HOLD,
    HOLDS,
    NOT_MEASURED,
)
from hypergrad_bench.bench.reproductions.hypergradient_scale import measure as scale_measure
from hypergrad_bench.bench.reproductions.hypergradient_scale import problem as scale_problem
from hypergrad_bench.bench.reproductions.hypergradient_scale import verdict as scale_verdict
from hypergrad_bench.solvers import Budget


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The smallest image of the quick reproduction."""
    return quick_rows("hypergradient-scale", tmp_path_factory.mktemp("quick") / "run")["denoising 16 x 16"]


def test_the_smallest_image_is_timed_and_weighed(scaled: list[Any]) -> None:
    """The closed form's memory is free of the iterations; unrolling stores them."""
    ours, plain_unrolled, checkpointed = scaled
    assert ours["memory_bytes"] == ours["longer_memory_bytes"]
    assert ours["memory_bytes"] < checkpointed["memory_bytes"] < plain_unrolled["memory_bytes"] / 5
    assert ours["residual"] <= 1e-5
    assert ours["adjoint_residual"] > 0
    assert all(row["total_seconds"] > 0 for row in scaled)
    assert plain_unrolled["steps"] == checkpointed["steps"] == 300


def test_what_needs_too_much_memory_or_time_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says how much it would need."""
    monkeypatch.setattr(scale_measure, "UNROLLED_STEPS", 5)
    monkeypatch.setattr(scale_measure, "TRIAL_STEPS", 5)  # the same program: one compilation
    case = growing_images.GrowingImage("denoising", 16)
    image: Any = {"task": "denoising", "side": 16, "pixels": 256, "memory_limit_bytes": 1e9, "quick": True}
    setting = scale_measure.ImageSetting(
        case.pair(), image, scale_measure.Compiler(), scale_measure.QUICK, exact=None
    )
    method = scale_problem.UNROLLED["unrolled"]
    monkeypatch.setattr(scale_measure, "LONGEST_SECONDS", 0.0)
    late = scale_measure.measure_unrolled("unrolled", method, setting)
    assert late["status"] == "timed_out"
    assert late.get("estimated_seconds", 0.0) > 0
    monkeypatch.setattr(scale_measure, "LONGEST_SECONDS", 1e9)
    broken = Samples((), status=Status.FAILED, reason="XlaRuntimeError: broken")
    monkeypatch.setattr(scale_measure, "time_rounds", lambda entries, clock: dict.fromkeys(entries, broken))
    failed = scale_measure.measure_unrolled("unrolled", method, setting)
    assert (failed["status"], failed["reason"]) == ("failed", "XlaRuntimeError: broken")
    monkeypatch.setattr(memory_limit, "memory_limit", lambda: 1e5)
    large = scale_measure.measure_unrolled("unrolled", method, setting)
    assert large["status"] == "out_of_memory"
    assert large["reason"].startswith("needs 0.0 GiB; the limit is")
    assert "total_seconds" not in large


def test_larger_images_are_mirrored() -> None:
    """Neighbouring copies share their border; a small image is a crop."""
    truth = growing_images.ground_truth(1024)
    assert truth.shape == (1024, 1024)
    np.testing.assert_array_equal(truth[:, 255], truth[:, 256])
    np.testing.assert_array_equal(truth[511], truth[512])
    np.testing.assert_array_equal(truth[:256, :256], growing_images.ground_truth(256))


def scale_row(task: str, side: int, method: str, **changes: Any) -> dict[str, Any]:
    row = {
        "task": task,
        "side": side,
        "pixels": side * side,
        "memory_limit_bytes": 2e10,
        "quick": False,
        "method": method,
        "route": "optimality system without a factorisation",
        "solve_memory_bytes": 100 * side * side,
        "memory_bytes": 800 * side * side,
        "longer_memory_bytes": 800 * side * side,
        "solve_seconds": 1e-5 * side * side,
        "solve_calls": 3,
        "total_seconds": 3e-5 * side * side,
        "total_calls": 3,
        "steps": 75,
        "residual": 1e-5,
        "ambiguous": 12,
        "adjoint_steps": 120,
        "adjoint_residual": 1e-3,
        "gradient_error": None,
        "status": "ok",
        "reason": "",
    }
    return row | changes


SCALE_ROWS = [
    scale_row("denoising", 64, "closed form"),
    scale_row("denoising", 64, "unrolled", memory_bytes=10**8, adjoint_residual=None),
    scale_row("denoising", 1024, "closed form", memory_bytes=840 * 2**20, longer_memory_bytes=840 * 2**20),
    {
        **{name: scale_row("denoising", 1024, "")[name] for name in ("task", "side", "pixels", "quick")},
        "method": "unrolled",
        "memory_limit_bytes": 2e10,
        "memory_bytes": 10**11,
        "status": "out_of_memory",
        "reason": "needs 93.1 GiB; the limit is 18.6 GiB",
    },
]


def scale_outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in scale_verdict.count_targets(rows)]


def test_the_scale_verdict_holds_at_the_bounds(tmp_path: Path) -> None:
    """One task that was not measured is said to be so."""
    assert scale_outcomes(SCALE_ROWS) == [HOLDS, NOT_MEASURED, HOLDS, HOLDS, HOLDS]
    page = HypergradientScale().page(SCALE_ROWS)
    text = page_markdown(page)
    assert (
        text.index("**Rule.**")
        < text.index("## denoising, 64 x 64")
        < text.index("## denoising, 1024 x 1024")
    )
    assert "unrolled: out_of_memory (needs 93.1 GiB; the limit is 18.6 GiB)." in text
    assert "113.5 (out\\_of\\_memory)" in text
    assert [axes.get_yscale() for axes in page.figures["time_and_memory"].axes] == ["log", "log"]
    assert len(write_page(page, tmp_path)) == 2


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"memory_bytes": 900 * 2**12, "longer_memory_bytes": 900 * 2**12}, 0),
        ({"longer_memory_bytes": 801 * 2**12}, 2),
        ({"residual": 1.1e-5}, 3),
        ({"adjoint_residual": 1.1e-3}, 4),
    ],
)
def test_each_scale_target_fails_by_itself(changes: dict[str, Any], failing: int) -> None:
    outcomes = scale_outcomes(replaced(SCALE_ROWS, 0, **changes))
    assert [number for number, outcome in enumerate(outcomes) if outcome == DOES_NOT_HOLD] == [failing]


def test_budgets_of_the_scale_differ_in_steps_alone() -> None:
    """Or equal memory would say nothing."""
    assert scale_problem.LONGER == Budget(20_000, scale_problem.BUDGET.tolerance, 5) != scale_problem.BUDGET
