"""`certified-l1`: its smallest case, and pages and verdicts from made-up rows."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reproduction_rows import quick_rows, replaced

from hypergrad_bench.bench.report.page import page_markdown, write_page
from hypergrad_bench.bench.reproductions import CertifiedL1
from hypergrad_bench.bench.reproductions.certified_l1 import verdict as certified_verdict
from hypergrad_bench.bench.reproductions.certified_l1.problem import (
    CertifiedCase,
    directions_of,
    draw_pair,
)
from hypergrad_bench.bench.reproductions.counted import (
    DOES_NOT_HOLD,
    HOLDS,
    NOT_MEASURED,
)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Total variation on 4 x 4 pixels, of the quick reproduction."""
    return quick_rows("certified-l1", tmp_path_factory.mktemp("quick") / "run")["total variation 4 x 4"]


def test_total_variation_is_certified_and_not_smooth(certified: list[Any]) -> None:
    """The left and right derivatives differ, and the closed form returns something between or beside them."""
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
    lower = draw_pair(CertifiedCase("random A", "random A", (9, 12)), 0).lower
    for moves, part in (
        ("W", lambda one: one.regularizer.W.matrix),
        ("weight", lambda one: one.regularizer.weight),
        ("y", lambda one: one.y),
        ("A", lambda one: one.A.matrix),
    ):
        directions = directions_of(lower, moves, 0, 3)
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
        "gradient_seconds": 0.1,
        "adjoint_residual": 1e-10,
        "nearby_seconds": 0.05,
        "nearby_certified": True,
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
    certified_row(
        case="image 256 x 256", size="256 x 256", seconds=119.9, moves=None, error=None, errors=None
    ),
    certified_row("random A", moves="W", error=1e-8),
    certified_row("random A", moves="y", nonsmooth=True, error=0.3),
    certified_row("total variation", nonsmooth=True, left=[0.1] * 3, right=[0.2] * 3, error=0.4),
]


def certified_outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in certified_verdict.count_targets(rows)]


def test_certified_everything_holds_at_the_bounds(tmp_path: Path) -> None:
    """The bounds themselves hold; a point that is not smooth is counted and left out."""
    assert certified_outcomes(CERTIFIED_ROWS) == [HOLDS] * 8
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
        (1, {"adjoint_residual": 1.1e-10}, {5}),
        (1, {"adjoint_residual": None}, {5}),
        (1, {"nearby_seconds": 6.1}, {7}),
        (1, {"nearby_certified": False}, {7}),
        (2, {"gradient_seconds": 0.2}, {6}),
        (3, {"error": 1.1e-8}, {3}),
        (5, {"nonsmooth": False}, {4}),
        (5, {"left": [None] * 3}, {4}),
    ],
)
def test_certified_each_target_fails_by_itself(which: int, changes: Any, failing: set[int]) -> None:
    """Nothing is averaged: one row is enough."""
    rows = replaced(CERTIFIED_ROWS, which, **changes)
    outcomes = certified_outcomes(rows)
    assert {number for number, outcome in enumerate(outcomes) if outcome == DOES_NOT_HOLD} == failing
    assert "Does not hold: " in CertifiedL1().page(rows).verdict


def test_differences_across_a_kink_judge_nobody() -> None:
    """Their sides are far apart at every step; the row is counted, shown with both, and left out."""
    changes: dict[str, Any] = {"error": 0.3, "left": [0.1, 0.2, 0.2], "right": [0.1, 0.2, 0.24]}
    rows = replaced(CERTIFIED_ROWS, 0, **changes)
    found = certified_verdict.count_targets(rows)[2]
    assert (found.of, found.left_out) == (0, "1 with a kink nearer than the steps")
    assert "| image 12 x 12 | 0 | 3 | 0.20000 | 0.24000 | 0.30000 |" in page_markdown(
        CertifiedL1().page(rows)
    )
    near = replaced(CERTIFIED_ROWS, 0, **(changes | {"right": [0.1, 0.2, 0.22]}))
    assert certified_verdict.count_targets(near)[2].outcome == DOES_NOT_HOLD


def test_certified_rows_without_a_certificate_are_not_judged_on_accuracy() -> None:
    """They are left out, and the verdict says how many."""
    rows = replaced(CERTIFIED_ROWS, 0, certified=False, reason="far off", gap=None)
    found = certified_verdict.count_targets(rows)[2]
    assert (found.outcome, found.left_out) == (NOT_MEASURED, "1 not certified")
    assert certified_verdict.count_targets(rows)[0].detail.startswith("worst inf")
