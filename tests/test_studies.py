"""This project's own reproductions: their smallest cases, and pages and verdicts from made-up rows."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.page import page_markdown, write_page
from hypergrad_bench.bench.reproductions import (
    CertifiedL1,
    HypergradientScale,
    InexactLowerLevel,
    certified_verdict,
    inexact_measure,
    inexact_verdict,
    scale_measure,
    scale_problem,
    scale_verdict,
)
from hypergrad_bench.bench.reproductions.certified_problem import (
    Case,
    directions_of,
    make_problem,
)
from hypergrad_bench.bench.reproductions.counted import (
    DOES_NOT_HOLD,
    HOLDS,
    NOT_MEASURED,
    Counted,
    counted_verdict,
)
from hypergrad_bench.bench.reproductions.inexact_example import EXAMPLE
from hypergrad_bench.solvers import Budget


def plain(rows: list[Any]) -> None:
    """Rows can be recorded: JSON without NaN gives them back."""
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def replaced(rows: list[Any], which: int, **changes: Any) -> list[Any]:
    """Rows with one of them changed."""
    return [row | changes if number == which else row for number, row in enumerate(rows)]


# Certified solutions


@pytest.fixture(scope="module")
def certified() -> list[Any]:
    """Total variation on 4 x 4 pixels."""
    return CertifiedL1().measure("total variation 4 x 4", quick=True)


def test_total_variation_is_certified_and_not_smooth(certified: list[Any]) -> None:
    """The left and right derivatives differ, and the closed form returns something between or beside them."""
    plain(certified)
    (row,) = certified
    assert row["certified"]
    assert row["active_rank"] < row["active_size"] < row["rows_of_W"] == 24
    assert row["nonsmooth"]
    left, right = np.asarray(row["left"]), np.asarray(row["right"])
    assert np.max(np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))) > 0.3
    assert row["error"] > 1e-2
    assert len(row["errors"]) == 7


def test_directions_that_move_one_part_alone() -> None:
    """Each is of unit length in its own leaf and zero elsewhere."""
    lower = make_problem(Case("random A", "random A", (9, 12)), 0).lower
    for moves, part in (
        ("W", lambda one: one.regularizer.W.matrix),
        ("weight", lambda one: one.regularizer.weight),
        ("y", lambda one: one.y),
        ("A", lambda one: one.A.matrix),
    ):
        directions = directions_of(lower, moves, 0)
        own = np.asarray(part(directions)).reshape(3, -1)
        np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1, rtol=1e-12)
        everything = sum(float(jnp.sum(jnp.square(leaf))) for leaf in jax.tree.leaves(directions))
        assert everything == pytest.approx(3)


def certified_row(kind: str = "image", **changes: Any) -> dict[str, Any]:
    row = {
        "case": f"{kind} 12 x 12",
        "kind": kind,
        "task": "denoising",
        "size": "12 x 12",
        "seed": 0,
        "weight": 0.02,
        "quick": False,
        "status": "ok",
        "reason": "",
        "certified": True,
        "stationarity": 1e-16,
        "infeasibility": 0.0,
        "sign_violation": 2e-16,
        "gap": 1e-18,
        "dual_margin": 1e-3,
        "primal_margin": None,
        "active_size": 80.0,
        "active_rank": 80,
        "ambiguous": 0.0,
        "rows_of_W": 1152,
        "newton_steps": 9,
        "seconds": 0.5,
        "nonsmooth": False,
        "moves": "all",
        "error": 1e-9,
        "errors": [0.1, 1e-3, 1e-8, 1e-9, 0.0, 1e-7, None],
        "closed_form": [0.1, 0.2, 0.3],
        "left": [0.1, 0.2, 0.3],
        "right": [0.1, 0.2, 0.3],
    }
    return row | changes


CERTIFIED_ROWS = [
    certified_row(error=1e-6),
    certified_row(case="image 64 x 64", size="64 x 64", seconds=60.0, moves=None, error=None, errors=None),
    certified_row("random A", moves="W", error=1e-8),
    certified_row("random A", moves="y", nonsmooth=True, error=0.3),
    certified_row("total variation", nonsmooth=True, left=[0.1] * 3, right=[0.2] * 3, error=0.4),
]


def certified_outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in certified_verdict.judge(rows)]


def test_certified_everything_holds_at_the_bounds(tmp_path: Path) -> None:
    """The bounds themselves hold; a point that is not smooth is counted and left out."""
    assert certified_outcomes(CERTIFIED_ROWS) == [HOLDS] * 5
    page = CertifiedL1().page(CERTIFIED_ROWS)
    assert "(1 of 1, worst 1.0e-08, 1 nonsmooth)" in page.verdict
    text = page_markdown(page)
    assert text.index("**Rule.**") < text.index("## Targets") < text.index("## Errors at every step")
    assert "| total variation 12 x 12 | 0 | 1 | 0.10000 | 0.20000 | 0.10000 |" in text
    assert {path.name for path in write_page(page, tmp_path)} == {"README.md", "error_against_step.png"}


@pytest.mark.parametrize(
    ("which", "changes", "failing"),
    [
        (0, {"error": 1.1e-6}, {2}),
        (0, {"error": None}, {2}),
        (1, {"seconds": 60.1}, {1}),
        (1, {"certified": False, "reason": "far off", "gap": 1e-9}, {0, 1}),
        (2, {"error": 1.1e-8}, {3}),
        (4, {"nonsmooth": False}, {4}),
        (4, {"left": [None] * 3}, {4}),
    ],
)
def test_certified_each_target_fails_by_itself(which: int, changes: Any, failing: set[int]) -> None:
    """Nothing is averaged: one row is enough."""
    rows = replaced(CERTIFIED_ROWS, which, **changes)
    outcomes = certified_outcomes(rows)
    assert {number for number, outcome in enumerate(outcomes) if outcome == DOES_NOT_HOLD} == failing
    assert "Does not hold: " in CertifiedL1().page(rows).verdict


def test_certified_rows_without_a_certificate_are_not_judged_on_accuracy() -> None:
    """They are left out, and the verdict says how many."""
    rows = replaced(CERTIFIED_ROWS, 0, certified=False, reason="far off", gap=None)
    found = certified_verdict.judge(rows)[2]
    assert (found.outcome, found.left_out) == (NOT_MEASURED, "1 not certified")
    assert certified_verdict.judge(rows)[0].detail.startswith("worst inf")


# Scale


@pytest.fixture(scope="module")
def scaled() -> list[Any]:
    """The smallest image, without the certified reference, which other tests have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scale_measure, "LARGEST_REFERENCE", 0)
        return HypergradientScale().measure("denoising 32 x 32", quick=True)


def test_the_smallest_image_is_timed_and_weighed(scaled: list[Any]) -> None:
    """The closed form's memory is free of the iterations; unrolling stores them."""
    plain(scaled)
    ours, plain_unrolled, checkpointed = scaled
    assert ours["memory_bytes"] == ours["longer_memory_bytes"]
    assert ours["memory_bytes"] < checkpointed["memory_bytes"] < plain_unrolled["memory_bytes"] / 5
    assert ours["residual"] <= 1e-5
    assert ours["adjoint_residual"] > 0
    assert all(row["total_seconds"] > 0 for row in scaled)
    assert plain_unrolled["steps"] == checkpointed["steps"] == 300
    HypergradientScale().page(scaled)


def test_what_needs_too_much_memory_or_time_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says how much it would need."""
    monkeypatch.setattr(scale_measure, "UNROLLED_STEPS", 5)
    monkeypatch.setattr(scale_measure, "TRIAL_STEPS", 5)  # the same program: one compilation
    problem = scale_problem.make_problem("denoising", 16)
    compiler = scale_measure.Compiler()
    method = scale_problem.UNROLLED["unrolled"]
    monkeypatch.setattr(scale_measure, "LONGEST_SECONDS", 0.0)
    late = scale_measure._unrolled(method, problem, compiler, scale_measure.QUICK, None)
    assert late["status"] == "timed_out"
    assert late["estimated_seconds"] > 0
    monkeypatch.setattr(scale_measure, "memory_limit", lambda: 1e5)
    large = scale_measure._unrolled(method, problem, compiler, scale_measure.QUICK, None)
    assert large["status"] == "out_of_memory"
    assert large["reason"].startswith("needs 0.0 GiB; the limit is")
    assert "total_seconds" not in large


def test_larger_images_are_mirrored() -> None:
    """Neighbouring copies share their border; a small image is a crop."""
    truth = scale_problem.ground_truth(1024)
    assert truth.shape == (1024, 1024)
    np.testing.assert_array_equal(truth[:, 255], truth[:, 256])
    np.testing.assert_array_equal(truth[511], truth[512])
    np.testing.assert_array_equal(truth[:256, :256], scale_problem.ground_truth(256))


def scale_row(task: str, side: int, method: str, **changes: Any) -> dict[str, Any]:
    row = {
        "task": task,
        "side": side,
        "pixels": side * side,
        "memory_limit_bytes": 2e10,
        "quick": False,
        "method": method,
        "memory_bytes": 800 * side * side,
        "longer_memory_bytes": 800 * side * side,
        "solve_seconds": 1e-5 * side * side,
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
    return [one.outcome for one in scale_verdict.judge(rows)]


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


# Inexact lower levels


@pytest.fixture(scope="module")
def inexact() -> list[Any]:
    """l1 denoising at two tolerances."""
    entry = InexactLowerLevel()
    return entry.measure(entry.cases(quick=True)[0], quick=True)


def test_the_error_of_the_gradient_falls_with_the_tolerance(inexact: list[Any]) -> None:
    """At 1e-8 both rules are right, and the closed form knows that no row is ambiguous."""
    plain(inexact)
    loose, loose_unrolled, tight, tight_unrolled = inexact
    assert [row["method"] for row in inexact] == ["closed form", "unrolled"] * 2
    assert loose["gradient_error"] > 1e-2 < loose_unrolled["gradient_error"]
    assert max(tight["gradient_error"], tight_unrolled["gradient_error"]) < 1e-6
    assert tight["x_error"] < 1e-7 < 1e-3 < loose["x_error"]
    assert tight["wrong_rows"] == tight["ambiguous"] == 0 < loose["ambiguous"]
    assert tight["reference_error"] < 1e-6
    InexactLowerLevel().page(inexact)


def test_a_reference_that_is_not_trusted_leaves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured against it, and the page says so."""
    monkeypatch.setattr(inexact_measure, "exact", lambda problem: None)
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
        "case": EXAMPLE,
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
    assert [one.outcome for one in inexact_verdict.judge(INEXACT_ROWS)] == [HOLDS] * 3
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
    outcomes = [one.outcome for one in inexact_verdict.judge(rows)]
    assert {number for number, outcome in enumerate(outcomes) if outcome == DOES_NOT_HOLD} == failing
    if failing == {1}:
        assert "x is right, the gradient is not." in page_markdown(InexactLowerLevel().page(rows))


# All of them


@pytest.mark.parametrize("entry", [CertifiedL1(), HypergradientScale(), InexactLowerLevel()], ids=repr)
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
@pytest.mark.parametrize(
    "name", ["certified-inexactness", "certified-l1", "hypergradient-scale", "inexact-lower-level"]
)
def test_the_quick_reproduction_runs_from_the_command_line(name: str, hgb: Any, tmp_path: Path) -> None:
    """What CI runs."""
    assert hgb("reproduce", name, "--quick", "--out", str(tmp_path / "quick")) == 0
    assert (tmp_path / "quick" / "figures").is_dir()


def test_budgets_of_the_scale_differ_in_steps_alone() -> None:
    """Or equal memory would say nothing."""
    assert scale_problem.LONGER == Budget(20_000, scale_problem.BUDGET.tolerance, 5) != scale_problem.BUDGET
