"""`exact-gradient-scale`: its smallest images, and verdicts from made-up rows."""

from typing import Any

import pytest
from reproduction_rows import quick_rows, replaced

from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.reproductions import ExactGradientScale
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS
from hypergrad_bench.bench.reproductions.exact_gradient_scale.claim import count_targets
from hypergrad_bench.bench.reproductions.exact_gradient_scale.problem import ExactImage


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the quick reproduction records."""
    return quick_rows("exact-gradient-scale", tmp_path_factory.mktemp("quick") / "run")


@pytest.mark.parametrize("task", ["denoising", "deconvolution"])
def test_small_images_are_certified_and_agree_with_differences(
    quick: dict[str, list[Any]], task: str
) -> None:
    (row,) = quick[f"{task} 16 x 16"]
    assert (row["status"], row["certified"]) == ("ok", True)
    assert row["adjoint_residual"] <= 1e-8
    assert row["difference_error"] <= 1e-6


def test_large_images_are_not_certified() -> None:
    """Their solver is of first order, and no difference of certified solutions is taken."""
    assert ExactImage("denoising", 512).is_certified
    assert not ExactImage("deconvolution", 512).is_certified
    assert "Admm" in repr(ExactImage("denoising", 1024).solver)


def exact_row(**changes: Any) -> dict[str, Any]:
    row = {
        "task": "denoising",
        "side": 64,
        "pixels": 4096,
        "quick": False,
        "solver": "ActiveSet()",
        "route": "factor",
        "status": "ok",
        "reason": "",
        "certified": True,
        "residual": 1e-15,
        "adjoint_steps": 2,
        "adjoint_residual": 1e-8,
        "memory_bytes": 2**20,
        "seconds": 0.5,
        "difference_step": 1e-8,
        "difference_error": 1e-6,
    }
    return row | changes


ROWS: list[Any] = [
    exact_row(),
    exact_row(side=1024, pixels=2**20, certified=False, solver="Admm(rho=1.0)", difference_error=None),
    exact_row(difference_step=None, difference_error=None),
]


def outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in count_targets(rows)]


def test_the_verdict_holds_at_the_bounds() -> None:
    assert outcomes(ROWS) == [HOLDS] * 3
    text = page_markdown(ExactGradientScale().page(ROWS))
    assert text.index("**Rule.**") < text.index("denoising 64 x 64") < text.index("denoising 1024 x 1024")


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"certified": False, "status": "not_certified", "difference_error": None}, 0),
        ({"certified": None, "difference_error": None}, 0),
        ({"adjoint_residual": 1.1e-8}, 1),
        ({"adjoint_residual": None}, 1),
        ({"difference_error": 1.1e-6}, 2),
        ({"difference_error": None}, 2),
    ],
)
def test_each_target_fails_by_itself(changes: dict[str, Any], failing: int) -> None:
    assert outcomes(replaced(ROWS, 0, **changes))[failing] == DOES_NOT_HOLD
