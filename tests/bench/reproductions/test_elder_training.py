"""ELDER's training: what a resting energy is, verdicts on rows that no run made, and a tiny training."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import ElderTraining
from hypergrad_bench.bench.reproductions.elder_training.measure import measure_case, missed_steps
from hypergrad_bench.bench.reproductions.elder_training.models import EXPLICIT, IMPLICIT, MODELS
from hypergrad_bench.bench.reproductions.elder_training.problem import (
    QUICK,
    SEEDS,
    TASKS,
    ElderSize,
    EquilibriumCase,
)
from hypergrad_bench.bench.reproductions.elder_training.resting_energy import ALONE, BESIDE, RestingEnergy
from hypergrad_bench.bench.reproductions.finding import Verdict
from hypergrad_bench.bench.training.training_step import Measures
from hypergrad_bench.problems import Denoising, FieldsOfExperts, LowerLevel, Photographs, measure
from hypergrad_bench.problems.networks.drunet import Drunet

TINY = ElderSize(
    network=Drunet(widths=(2, 2), blocks=1, activation="elu"),
    pretraining=4,
    side=8,
    pairs=4,
    tuning=2,
    tests=2,
    block=2,
    steps=3,
)


def test_an_energy_rests_where_change_and_gradient_are_small() -> None:
    """The steps are those of forward-backward; the move over the step size is a gradient at the end."""
    truth = Photographs().sample((6, 6), 1, 0)
    A, y = measure(Denoising(noise=0.1), truth, 0)
    lower = LowerLevel(A, y[0], FieldsOfExperts.initial((6, 6), 0))
    solver, plain = RestingEnergy(), RestingEnergy().steps
    state, beside = solver.init(lower), plain.init(lower)
    assert jnp.isinf(solver.residual(lower, state))
    step, other = jax.jit(solver.step), jax.jit(plain.step)
    before = beside
    for _ in range(4):
        before = beside
        state, beside = step(lower, state), other(lower, beside)
    np.testing.assert_allclose(solver.iterate(lower, state), beside.x, rtol=1e-12)
    change = (before.energy - beside.energy) / before.energy
    assert float(state.change) == pytest.approx(float(change), rel=1e-6)
    # prox_{tau g}: (x - x+) / tau = grad R(x) + grad g(x+).
    gradient = lower.regularizer.gradient(before.x) + lower.data_gradient(beside.x)
    move = jnp.linalg.norm(gradient) / jnp.linalg.norm(y)
    assert float(state.move) == pytest.approx(float(move), rel=1e-6)
    expected = min(max(float(change), BESIDE * float(move)), ALONE * float(move))
    assert float(solver.residual(lower, state)) == pytest.approx(expected)


def row(
    task: str, regularizer: str, seed: int, before: float, after: float, **changes: Any
) -> dict[str, Any]:
    """A row of a finished training."""
    return {
        "quick": False, "images": "photographs", "task": task, "regularizer": regularizer,
        "explicit": regularizer in EXPLICIT, "seed": seed, "status": "ok", "reason": "", "noisy_psnr": 20.0,
        "denoised_psnr": 25.0, "weight": 1.0, "at_the_edge": False, "start_psnr": 10.0,
        "pretrained_psnr": before, "trained_psnr": after, "tests": 16, "pretrained_unsolved": 1,
        "trained_unsolved": 0, "pretrained_residual": 1e-2, "trained_residual": 1e-2, "steps": 100,
        "solve_missed": 3, "adjoint_missed": 2, "adjoint_residual": 1e-2, "solver_steps": 40.0,
        "losses": [0.02, 0.01], "seconds": 30.0, "learned_weight": 1.1, "learned_sigma": 0.06, "crops": None,
    }  # fmt: skip


def rows(gain: float = 1.5, lead: float = 0.0) -> list[dict[str, Any]]:
    """All of a full run: every regulariser gains alike, and those with an energy lead alike."""
    return [
        row(task.name, one.name, seed, 24.0 - gain, 24.0 if one.explicit else 24.0 - lead)
        for task in TASKS
        for one in MODELS
        for seed in SEEDS
    ]


def verdicts(found: list[dict[str, Any]]) -> list[Verdict]:
    return [one.verdict for one in ElderTraining().findings(found)]


@pytest.mark.parametrize(
    ("gain", "lead", "expected"),
    [
        (1.0, -0.09, [Verdict.HOLDS, Verdict.HOLDS]),
        (0.5, -0.2, [Verdict.IN_DIRECTION, Verdict.DOES_NOT_HOLD]),
        (-0.5, 1.0, [Verdict.DOES_NOT_HOLD, Verdict.HOLDS]),
    ],
)
def test_the_verdicts_follow_their_rules(gain: float, lead: float, expected: list[Verdict]) -> None:
    assert verdicts(rows(gain, lead)) == expected


def test_one_regulariser_that_loses_nothing_is_a_direction() -> None:
    """And one task on which it does is none."""
    worse = [
        one | {"trained_psnr": 23.0} if one["regularizer"] in EXPLICIT[1:] else one for one in rows(gain=3)
    ]
    assert verdicts(worse) == [Verdict.HOLDS, Verdict.IN_DIRECTION]
    there = [one | {"trained_psnr": 23.0} if one["task"] == TASKS[0].name and one["explicit"] else one
             for one in worse]  # fmt: skip
    assert verdicts(there) == [Verdict.HOLDS, Verdict.DOES_NOT_HOLD]


def test_what_is_not_ok_is_left_out_and_keeps_a_claim_from_holding(tmp_path: Path) -> None:
    """One seed is enough; without the regulariser that has no energy there is nothing to compare with."""
    found = rows()
    found[0] |= {"status": "max_steps", "reason": "60 of 100 steps of training were flagged and not taken"}
    gained, ahead = ElderTraining().findings(found)
    assert gained.verdict is Verdict.IN_DIRECTION
    assert gained.reason == "1 of 9 regularisers on tasks are left out"
    assert "regularisation by denoising on inpainting +1.50" in gained.measured
    # Two others lose nothing on every task.
    assert ahead.verdict is Verdict.IN_DIRECTION
    alone = [one for one in rows() if one["regularizer"] != IMPLICIT.name]
    assert verdicts(alone) == [Verdict.HOLDS, Verdict.NOT_TESTED]
    page = ElderTraining().page(found)
    assert "1 not ok on all 3 seeds" in page.verdict
    assert len(write_page(page, tmp_path)) == 3
    assert "60 of 100 steps" in (tmp_path / "README.md").read_text()


def test_without_rows_nothing_is_tested() -> None:
    assert verdicts([]) == [Verdict.NOT_TESTED] * 2
    assert ElderTraining().page([]).verdict.startswith("Not measured: ")


def test_steps_that_were_not_taken_are_told_apart() -> None:
    """A residual that is no number is a solve that missed."""
    zeros, residual = np.zeros(5), np.asarray([1e-7, 1e-5, 1e-7, np.nan, 1e-7])
    taken = np.asarray([True, False, False, False, True])
    measures = Measures(zeros, zeros, zeros, zeros, residual, zeros, zeros, taken)
    assert missed_steps(measures, 1e-6) == (2, 1)


def test_cases_are_regularisers_on_tasks(tmp_path: Path) -> None:
    """Of a folder where one is given; quickly, all on one task from one seed."""
    full, quick = ElderTraining().cases(False), ElderTraining().of_images(tmp_path).cases(True)
    assert len(full) == len(TASKS) * len(MODELS)
    assert {one.model.name for one in quick} == {one.name for one in MODELS}
    assert all(one.size == QUICK and one.seeds == (0,) for one in quick)
    assert quick[0].name == f"inpainting, gradient step, images of {tmp_path.name!r}"


def test_a_tiny_training_has_its_row() -> None:
    """Two seeds share one loop, and what became of every step is said."""
    case = EquilibriumCase(TASKS[0], MODELS[0], (0, 1), TINY)
    with jax.numpy_dtype_promotion("standard"):
        first, second = measure_case(case, True)
    for one in (first, second):
        assert one["steps"] == 3
        assert one["status"] in [status.value for status in Status]
        assert (one["status"] == Status.OK) == (2 * (one["solve_missed"] + one["adjoint_missed"]) < 3)
        assert None not in (one["pretrained_psnr"], one["trained_psnr"])
    assert first["pretrained_psnr"] != second["pretrained_psnr"]
    assert set(first["crops"] or {}) == {"truth", "A^T y", "pre-trained", "trained"}
    assert second["crops"] is None
    figures = ElderTraining().page([dict(first), dict(second)]).figures
    assert set(figures) == {"psnr", "losses", "restored_crops"}
