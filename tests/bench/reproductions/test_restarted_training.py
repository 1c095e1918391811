"""Training by restarts: the verdicts, the learned step size, and a training at a tiny size."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions.finding import Verdict
from hypergrad_bench.bench.reproductions.restarted_training import training
from hypergrad_bench.bench.reproductions.restarted_training.claim import RestartedTraining
from hypergrad_bench.bench.reproductions.restarted_training.contestants import recipes
from hypergrad_bench.bench.reproductions.restarted_training.judge import Judge
from hypergrad_bench.bench.reproductions.restarted_training.line_kernel import LineKernel
from hypergrad_bench.bench.reproductions.restarted_training.problem import (
    MODELS,
    SEEDS,
    TASKS,
    WAVELETS,
    TrainingSize,
    draw_pairs,
    image_shape,
)
from hypergrad_bench.bench.reproductions.restarted_training.stepped_denoiser import (
    LearnedStep,
    SteppedDenoiser,
)
from hypergrad_bench.bench.reproductions.restarted_training.verdict import (
    count_nearness,
    count_trained,
    read_recorded,
)
from hypergrad_bench.hypergrad import Implicit, OneStep, hypergradient
from hypergrad_bench.problems import Denoiser, LowerLevel, Mask, PlugAndPlay
from hypergrad_bench.solvers import Budget, Dense, Picard, solve

MODEL_NAMES = [model.name for model in MODELS]
REACHED = {"restarts": 25.0, "one step": 24.5, "exact": 25.04}
ERRORS = {"restarts": 0.01, "one step": 0.5, "exact": 0.001}


def trained_row(model: str, task: str, seed: int, method: str) -> dict[str, Any]:
    """A training that went well."""
    return {
        "what": "training", "model": model, "task": task, "seed": seed, "quick": False, "size": "8 x 8",
        "method": method, "status": "ok", "reason": "", "steps": 20, "refused": 0,
        "chunk_seconds": [1.0, 2.0], "chunk_losses": [0.2, 0.1], "start_psnr": 20.0, "start_unsolved": 0,
        "psnr": REACHED[method], "unsolved": 0, "equal_seconds": 1.5, "equal_steps": 10,
        "equal_psnr": REACHED[method], "equal_unsolved": 0, "start_error": 0.1, "end_error": 0.2,
    }  # fmt: skip


def work_row(task: str, seed: int, method: str, work: int) -> dict[str, Any]:
    return {
        "what": "work", "task": task, "seed": seed, "quick": False, "status": "ok", "reason": "",
        "method": method, "work": work, "gradient_error": ERRORS[method],
    }  # fmt: skip


ROWS = [
    *(work_row(task, seed, method, work)
      for task in TASKS for seed in SEEDS for method in ERRORS for work in (20, 40)),
    *(trained_row(model, task, seed, method)
      for model in MODEL_NAMES for task in TASKS for seed in SEEDS for method in REACHED),
]  # fmt: skip


def changed(which: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """The rows, those that look like `which` with changes."""
    assert any(which.items() <= row.items() for row in ROWS)
    return [row | changes if which.items() <= row.items() else row for row in ROWS]


def verdicts(rows: list[dict[str, Any]]) -> list[Verdict]:
    """Of D1 and of D2."""
    found = RestartedTraining().findings(rows)
    assert [one.claim for one in found] == ["D1", "D2"]
    return [one.verdict for one in found]


def met(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """How many rows meet each target, of how many."""
    recorded = read_recorded(rows)
    return [(one.met, one.of) for one in (*count_nearness(recorded), *count_trained(recorded))]


def test_verdicts_without_rows_and_where_all_holds(tmp_path: Path) -> None:
    assert verdicts([]) == [Verdict.NOT_TESTED] * 2
    assert verdicts(ROWS) == [Verdict.HOLDS] * 2
    assert met(ROWS) == [(18, 18), (9, 9), (9, 9), (3, 3), (3, 3), (3, 3)]
    page = RestartedTraining().page(ROWS)
    assert len(write_page(page, tmp_path)) == 3
    assert page.verdict.startswith("Holds: ")
    assert RestartedTraining().page([]).verdict.startswith("Not measured: ")


LOST_ITSELF = {"gradient_error": None, "status": "not_finite", "reason": "this gradient is not finite"}
LOST_REFERENCE = {"gradient_error": None, "status": "adjoint_missed", "reason": "no exact gradient"}
NETWORK_DENOISING = {"what": "training", "model": MODEL_NAMES[2], "task": "denoising"}


@pytest.mark.parametrize(
    ("which", "changes", "target", "expected"),
    [
        ({"what": "work", "method": "restarts", "task": "inpainting"}, {"gradient_error": 0.6}, 0, (12, 18)),
        ({**NETWORK_DENOISING, "method": "one step"}, {"equal_psnr": 25.06}, 1, (8, 9)),
        ({**NETWORK_DENOISING, "method": "exact"}, {"equal_psnr": 25.06}, 2, (8, 9)),
        ({**NETWORK_DENOISING, "method": "exact"}, {"psnr": 25.11}, 5, (2, 3)),
        ({**NETWORK_DENOISING, "method": "restarts", "seed": 1}, {"start_psnr": 24.95}, 5, (2, 3)),
        ({**NETWORK_DENOISING, "method": "restarts", "seed": 1}, {"status": "diverged"}, 5, (2, 3)),
        ({**NETWORK_DENOISING, "method": "restarts", "seed": 1}, {"unsolved": 1}, 5, (2, 3)),
        ({**NETWORK_DENOISING, "method": "restarts", "seed": 1}, {"start_unsolved": 1}, 5, (2, 3)),
        ({"what": "work", "method": "restarts", "seed": 1}, LOST_ITSELF, 0, (12, 18)),
    ],
)
def test_each_target_can_fail(
    which: dict[str, Any], changes: dict[str, Any], target: int, expected: tuple[int, int]
) -> None:
    """A training by restarts that diverges, or whose fixed points are not found, has not trained."""
    rows = changed(which, **changes)
    assert met(rows)[target] == expected
    assert Verdict.IN_DIRECTION in verdicts(rows)


@pytest.mark.parametrize("changes", [{"status": "diverged"}, {"refused": 3}, {"unsolved": 1}])
def test_an_exact_training_that_is_none_is_compared_with_nothing(changes: dict[str, Any]) -> None:
    """On one seed the others remain; on all, the task is left out and counted so."""
    which = {**NETWORK_DENOISING, "method": "exact"}
    assert met(changed({**which, "seed": 0}, psnr=26.0, **changes))[5] == (3, 3)
    rows = changed(which, psnr=26.0, **changes)
    assert met(rows)[5] == (2, 2)
    left_out = count_trained(read_recorded(rows))[2].left_out
    assert left_out == "1 without an exact training to compare with"


def test_a_gradient_without_a_reference_is_left_out_and_counted() -> None:
    """Unlike one that is itself no number, see above; the one-step gradient's leaves nothing to compare."""
    for which in ({"what": "work", "task": "denoising", "seed": 1},
                  {"what": "work", "task": "denoising", "seed": 1, "method": "one step"}):  # fmt: skip
        rows = changed(which, **LOST_REFERENCE)
        assert met(rows)[0] == (16, 16)
        assert count_nearness(read_recorded(rows))[0].left_out == "2 without a gradient to compare with"


def test_what_was_never_trained_is_not_compared_in_equal_time() -> None:
    """Neither rose: nothing is said of the two; but what restarts lost counts against them."""
    flat = changed(NETWORK_DENOISING, equal_psnr=20.05)
    assert met(flat)[1:3] == [(8, 8), (8, 8)]
    assert count_nearness(read_recorded(flat))[1].left_out == "1 where neither was trained"
    fallen = [row | {"equal_psnr": 19.0} if row.get("method") == "restarts" and row in flat
              and NETWORK_DENOISING.items() <= row.items() else row for row in flat]  # fmt: skip
    assert met(fallen)[1:3] == [(8, 9), (8, 9)]


def test_what_was_measured_in_vain_is_told_as_such() -> None:
    """Where no exact training is sound neither claim can be tested, and why is said."""
    rows = changed({"what": "training", "method": "exact"}, status="diverged", reason="exploded")
    near, trained = RestartedTraining().findings(rows)
    assert (near.verdict, trained.verdict) == (Verdict.NOT_TESTED, Verdict.NOT_TESTED)
    assert near.reason.startswith("nothing to judge by: in equal time")
    assert near.reason.endswith("9 without a training to compare with")
    assert "18 of 18" in near.measured
    fewer = [row for row in ROWS if row["what"] == "training" or row["seed"] < 2]
    assert RestartedTraining().findings(fewer)[0].reason == (
        "gradients with equal work are not measured yet of 3 of 9 batches"
    )


def test_a_model_that_is_left_out_keeps_d2_from_holding_whole() -> None:
    rows = changed({**NETWORK_DENOISING, "method": "exact"}, status="diverged")
    found = RestartedTraining().findings(rows)[1]
    assert found.verdict is Verdict.IN_DIRECTION
    assert found.reason.endswith("1 without an exact training to compare with")


def test_the_page_leaves_failed_trainings_out_of_its_means() -> None:
    which = {**NETWORK_DENOISING, "method": "restarts", "seed": 1}
    rows = changed(which, status="diverged", reason="the loss exploded", psnr=-90.0)
    (line,) = [one for one in RestartedTraining().page(rows).sections[2].lines
               if one[:3] == [MODEL_NAMES[2], "denoising", "restarts"]]  # fmt: skip
    assert line[4] == "25.00 ± 0 (1 left out)"
    assert line[-1] == "seed 1: the loss exploded"


def test_gradients_that_are_no_numbers_are_told_from_missing_references(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By what the exact gradient is, whether it failed, and what the method's is."""
    regularizer = WAVELETS.start((8, 8), WAVELETS.quick.network)
    pairs = draw_pairs((8, 8), "denoising", TrainingSize(8, 1, 1, 1, 1, 1), 0, None).training
    judge = Judge(WAVELETS, recipes(WAVELETS, regularizer, WAVELETS.quick))
    good, bad, empty = np.ones(2), np.asarray([1.0, np.nan]), np.zeros(2)
    outcomes = []
    for exact, failed, taken in ((good, False, 2 * good), (good, False, bad), (good, True, good),
                                 (bad, False, good), (empty, False, good)):  # fmt: skip
        monkeypatch.setattr(judge, "_exact", lambda *_, found=(exact, failed): found)
        monkeypatch.setattr(judge, "_taken", {"one step": lambda *_, found=(taken, True): found})
        outcomes.append(judge.gradient_error("one step", regularizer, pairs))
    assert [one.status for one in outcomes] == ["ok", "not_finite", *["adjoint_missed"] * 3]
    assert [one.error for one in outcomes] == [1.0, None, None, None, None]
    assert all(bool(one.reason) != (one.status == "ok") for one in outcomes)


def test_cases_name_their_sizes_and_refuse_images_at_once(tmp_path: Path) -> None:
    entry = RestartedTraining()
    quick, full = ({one.name for one in entry.cases(which)} for which in (True, False))
    assert not quick & full
    assert any("100 steps of 4" in name for name in full)
    with pytest.raises(UserError, match="missing"):
        entry.of_images(tmp_path / "missing").cases(True)
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.linspace(0, 1, 18 * 18).reshape(18, 18))
    assert len(entry.of_images(tmp_path).cases(True)) == 4
    with pytest.raises(UserError, match="32 x 32"):
        entry.of_images(tmp_path).cases(False)


def test_most_of_the_nine_make_a_direction() -> None:
    """Four of nine do not."""
    low = changed({"what": "training", "model": MODEL_NAMES[0], "method": "restarts"}, psnr=20.0)
    assert verdicts(low)[1] is Verdict.IN_DIRECTION
    lower = [
        row | {"psnr": 20.0} if row.get("method") == "restarts" and row.get("task") != "denoising" else row
        for row in ROWS
    ]
    assert verdicts(lower)[1] is Verdict.DOES_NOT_HOLD


def test_the_line_blurs_along_the_diagonal_and_shrinks() -> None:
    taps = LineKernel().taps((24, 24))
    np.testing.assert_array_equal(taps, np.eye(9) / 9)
    assert LineKernel().taps((6, 8)).shape == (5, 5)
    with pytest.raises(ValueError, match="size must be odd and positive; got 4"):
        LineKernel(4)


@dataclasses.dataclass(frozen=True)
class Averaging:
    """A network that averages over neighbours, less where it is told little noise, and bends."""

    channels: int = 1

    def init(self, seed: int) -> dict[str, Any]:
        """A lopsided average."""
        del seed
        return {"weights": jnp.asarray([0.5, 0.25, 0.1])}

    def apply(self, parameters: dict[str, Any], x: jax.Array, sigma: jax.Array) -> jax.Array:
        """Average, and bend."""
        weights = parameters["weights"]
        near = weights[1] * jnp.roll(x, 1, axis=0) + weights[2] * jnp.roll(x, 1, axis=1)
        return jnp.tanh(weights[0] * x + sigma * near)


def _stepped(scale: float) -> LowerLevel:
    """A few pixels, of which some are missing."""
    network = Averaging()
    denoiser = Denoiser(network.init(0), jnp.asarray(0.2), network)
    mask = np.where(np.arange(16).reshape(4, 4) % 3 == 0, 0.0, 1.0)
    y = mask * np.random.default_rng(0).uniform(size=(4, 4))
    return LowerLevel(Mask(jnp.asarray(mask)), jnp.asarray(y), SteppedDenoiser(denoiser, jnp.asarray(scale)))


def test_the_step_size_has_its_derivative_by_every_rule() -> None:
    """Of the fixed point, against differences of `Picard`'s; of one step, with the point held."""
    budget, scale, h = Budget(500, 1e-13), 0.6, 1e-4
    target = jnp.asarray(np.random.default_rng(1).uniform(size=(4, 4)))

    def outer(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(x - target))

    @jax.jit
    def differentiated(lower: LowerLevel) -> tuple[Any, Any, jax.Array]:
        exact, near = (
            hypergradient(method, LearnedStep(), budget, lower, outer)
            for method in (Implicit(Dense(), on="fixed-point"), OneStep())
        )
        return exact.gradient.regularizer, near.gradient.regularizer, exact.solution.x

    lower = _stepped(scale)
    exact, near, x = differentiated(lower)

    def at(scale: float) -> float:
        plain = lower.replace(regularizer=PlugAndPlay(lower.regularizer.denoiser, jnp.asarray(1.0)))
        return float(outer(OneStep()(Picard(jnp.asarray(scale)), budget, plain).x))

    slope = (at(scale + h) - at(scale - h)) / (2 * h)
    assert float(exact.step_scale) == pytest.approx(slope, rel=1e-5)

    def one_more(scale: jax.Array) -> jax.Array:
        return outer(lower.regularizer.denoiser(x - scale * lower.data_gradient(x)))

    assert float(near.step_scale) == pytest.approx(float(jax.grad(one_more)(jnp.asarray(scale))), rel=1e-6)
    assert abs(float(near.step_scale) - slope) > 1e-3 * abs(slope)


def test_a_learned_step_is_the_denoisers_alone() -> None:
    lower = _stepped(0.5)
    other = lower.replace(regularizer=PlugAndPlay(lower.regularizer.denoiser, jnp.asarray(1.0)))
    assert LearnedStep().supports(lower) is None
    assert LearnedStep().supports(other) == "PlugAndPlay holds no step size"
    assert not bool(SteppedDenoiser(lower.regularizer.denoiser, jnp.asarray(-0.5)).in_range())
    # One that is known inside of a trace, as where a training begins, is not looked at there.
    assert jax.eval_shape(lambda: solve(LearnedStep(), Budget(), lower).x).shape == (4, 4)


def test_images_that_do_not_do_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        image_shape(WAVELETS, 8, tmp_path / "missing")
    with pytest.raises(UserError, match="image"):
        draw_pairs((8, 8), "denoising", TrainingSize(8, 1, 1, 1, 1, 1), 0, tmp_path)


def test_a_tiny_training_has_a_row_for_each_method() -> None:
    """On one level of wavelets: restarts are nearer than one step, and the exact gradient is exact."""
    tiny = TrainingSize(6, 4, 2, 2, 4, 2)
    model = dataclasses.replace(WAVELETS, quick=tiny, colour=False)
    with jax.numpy_dtype_promotion("standard"):
        rows = {row["method"]: row for row in training.measure_training(model, "denoising", 1, None, True)}
    assert list(rows) == ["restarts", "one step", "exact"]
    errors = {name: row["start_error"] for name, row in rows.items()}
    assert errors["exact"] < 1e-5 < errors["restarts"] < 0.01 < 0.1 < errors["one step"]
    for row in rows.values():
        assert (row["status"], row["steps"], row["refused"], row["unsolved"]) == ("ok", 4, 0, 0)
        assert row["start_unsolved"] == 0
        assert len(row["chunk_seconds"]) == len(row["chunk_losses"]) == 2
        assert row["psnr"] > row["start_psnr"]
        assert row["equal_seconds"] == min(one["chunk_seconds"][-1] for one in rows.values())
        assert row["equal_steps"] in (0, 2, 4)
    assert {row["start_psnr"] for row in rows.values()} == {rows["exact"]["start_psnr"]}
    found = RestartedTraining().findings(list(rows.values()))
    assert {one.reason for one in found} == {"78 of 81 trainings are not measured yet"}
