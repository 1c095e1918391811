"""Training of ridge regularisers: the verdict on rows that no run made, and a quick run on a folder."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from reproduction_rows import quick_rows, replaced

from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import RidgeTraining
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from hypergrad_bench.bench.reproductions.ridge_training.measure import steps_taken
from hypergrad_bench.bench.reproductions.ridge_training.page import count_targets
from hypergrad_bench.bench.reproductions.ridge_training.problem import middle
from hypergrad_bench.bench.reproductions.ridge_training.training import GRADIENTS, ONE_STEP, HeldOutPoint
from hypergrad_bench.hypergrad import OneStep, hypergradient
from hypergrad_bench.problems import FieldsOfExperts, Identity, LowerLevel
from hypergrad_bench.solvers import Budget, GradientDescent

BASE: dict[str, Any] = {"what": "test", "case": "one", "quick": False, "status": "ok", "reason": ""}
BASE |= {"gradient": "", "data": "photographs", "images": 2, "weight": None, "ssim": 0.7, "steps": 0}
BASE |= {"seconds": 0.0, "not_taken": 0}


def quality(kind: str, name: str, psnr: float, gradient: str = "") -> dict[str, Any]:
    own = {"contestant": f"{name} {gradient}", "kind": kind, "regularizer": name, "gradient": gradient}
    return BASE | own | {"psnr": psnr}


ROWS: list[Any] = [
    quality("baseline", "tv", 26.0),
    quality("baseline", "tv-isotropic", 26.5),
    # Better than either, and no total variation.
    quality("baseline", "dct", 28.0),
    quality("learned", "CRR", 27.5, "implicit"),
    quality("learned", "CRR", 27.375, "one-step"),
    quality("learned", "WCRR", 28.0, "implicit"),
    quality("learned", "WCRR", 27.0, "one-step"),
]


def outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in count_targets(rows)]


def test_the_better_total_variation_is_what_has_to_be_beaten() -> None:
    assert outcomes(ROWS) == [HOLDS, HOLDS]
    assert outcomes(replaced(ROWS, 1, psnr=26.51)) == [DOES_NOT_HOLD, HOLDS]
    assert outcomes(replaced(ROWS, 3, psnr=27.49)) == [DOES_NOT_HOLD, HOLDS]


def test_a_difference_is_told_whichever_its_sign() -> None:
    rows = replaced(ROWS, 4, psnr=27.75)
    assert outcomes(rows) == [HOLDS, DOES_NOT_HOLD]
    assert count_targets(rows)[1].detail == "CRR +0.25 dB, WCRR -1.00 dB"


def test_what_is_not_ok_judges_nobody_and_is_said() -> None:
    found = count_targets(replaced(ROWS, 0, status="max_steps"))
    assert [one.outcome for one in found] == [NOT_MEASURED, HOLDS]
    assert found[0].left_out == "1 not ok"
    stuck = count_targets(replaced(ROWS, 4, status="failed"))
    assert [(one.met, one.of) for one in stuck] == [(2, 2), (1, 1)]


def test_a_page_is_there_before_everything_is_measured(tmp_path: Path) -> None:
    assert RidgeTraining().page([]).verdict.startswith("Not measured: ")
    assert len(write_page(RidgeTraining().page(ROWS), tmp_path)) == 1


@pytest.mark.parametrize(
    ("solves", "adjoints", "status"),
    [(0, 0, "ok"), (6, 4, "ok"), (1, 10, "max_steps"), (0, 11, "adjoint_missed")],
)
def test_a_training_that_skipped_many_steps_does_not_count(solves: int, adjoints: int, status: str) -> None:
    found, reason = steps_taken(HeldOutPoint(1.0, 100, solves, adjoints, 5.0, 27.0))
    assert found == status
    assert reason == ("" if status == "ok" else "11 of 100 steps were not taken")


def test_one_step_gradients_are_those_of_one_gradient_step() -> None:
    """`OneStep` differentiates a step of the solver, which L-BFGS has not."""
    filters = FieldsOfExperts.initial((5, 5), 0)
    lower = LowerLevel(Identity(), jnp.linspace(0, 1, 25).reshape(5, 5) ** 2, filters)

    @jax.jit
    def both(lower: LowerLevel) -> list[Any]:
        descent, budget = GradientDescent(), Budget(2000, 1e-9)
        methods = GRADIENTS[ONE_STEP], OneStep()
        return [
            hypergradient(one, descent, budget, lower, lambda x: jnp.sum(jnp.sin(x))).gradient.regularizer
            for one in methods
        ]

    found, expected = both(lower)
    assert float(jnp.max(jnp.abs(expected.filters))) > 1e-3
    np.testing.assert_allclose(found.filters, expected.filters, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("side", "rows", "columns"), [(2, (1, 3), (2, 4)), (9, (0, 4), (0, 6))])
def test_the_middle_of_an_image(side: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    image = np.arange(24.0).reshape(4, 6)
    np.testing.assert_array_equal(middle(image, side), image[slice(*rows), slice(*columns)])


def test_a_quick_run_trains_with_both_gradients_and_tests_on_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(2):
        ramp = np.outer(np.arange(20) + 3 * number, np.ones(18)) * 8
        Image.fromarray(ramp.astype(np.uint8)).save(folder / f"{number}.png")
    with jax.numpy_dtype_promotion("standard"):  # optax multiplies its whole-number step
        found = quick_rows("ridge-training", tmp_path / "quick", "--images", str(folder))
    baselines, trained = found.values()
    assert [one["regularizer"] for one in baselines] == ["", "tv", "tv-isotropic"]
    assert all(one["images"] == 2 and one["psnr"] > 15 for one in baselines)
    curves = [one for one in trained if one["what"] == "curve"]
    for gradient in ("implicit", "one-step"):
        steps = [one["steps"] for one in curves if gradient in one["contestant"]]
        assert steps[0] == 0 < steps[-1]
    assert all(one["solve_missed"] == one["adjoint_missed"] == 0 for one in curves)
    assert [one["gradient"] for one in trained if one["what"] == "test"] == ["implicit", "one-step"]
