"""ELDER's training: what a resting energy is, verdicts on rows that no run made, and a tiny training."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import ElderTraining
from hypergrad_bench.bench.reproductions.elder_training import restoring
from hypergrad_bench.bench.reproductions.elder_training.measure import (
    AT_THE_EDGE,
    SeedOutcome,
    judged,
    measure_case,
)
from hypergrad_bench.bench.reproductions.elder_training.models import EXPLICIT, IMPLICIT, MODELS, SIGMA
from hypergrad_bench.bench.reproductions.elder_training.problem import (
    QUICK,
    SEEDS,
    TASKS,
    ElderSize,
    EquilibriumCase,
)
from hypergrad_bench.bench.reproductions.elder_training.resting_energy import ALONE, BESIDE, RestingEnergy
from hypergrad_bench.bench.reproductions.elder_training.restoring import RestoredPairs
from hypergrad_bench.bench.reproductions.finding import Verdict
from hypergrad_bench.bench.restoring.tuning import Tuned
from hypergrad_bench.bench.training.training_step import Measures, MissedSteps, missed_steps
from hypergrad_bench.problems import Denoising, FieldsOfExperts, LowerLevel, Photographs, measure
from hypergrad_bench.problems.networks.drunet import Drunet
from hypergrad_bench.solvers import Budget, ForwardBackward, Outcome, solve
from hypergrad_bench.solvers.residuals import gradient_residual

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


def test_a_step_too_small_to_move_is_no_rest() -> None:
    """There the gradient itself is asked, which is small at a solution alone."""
    truth = Photographs().sample((6, 6), 1, 0)
    A, y = measure(Denoising(noise=0.1), truth, 0)
    lower = LowerLevel(A, y[0], FieldsOfExperts.initial((6, 6), 0))
    stuck = RestingEnergy(ForwardBackward(step_scale=1e-30))
    state = stuck.step(lower, stuck.init(lower))
    np.testing.assert_array_equal(state.inner.x, stuck.init(lower).inner.x)
    gradient = gradient_residual(lower, state.inner.x)
    assert float(stuck.residual(lower, state)) == pytest.approx(ALONE * float(gradient))
    assert solve(stuck, Budget(2, 1e-6, check_every=1), lower).status == Outcome.MAX_STEPS
    end = solve(RestingEnergy(), Budget(500, 1e-10, check_every=1), lower)
    there = state.inner._replace(x=end.x, energy=lower.value(end.x))
    assert float(stuck.residual(lower, stuck.step(lower, state._replace(inner=there)))) < 1e-6


def solved(*status: Outcome) -> RestoredPairs:
    x = np.full((len(status), 2, 2), 0.5)
    return RestoredPairs(x, 20.0, np.full(len(status), 1e-3), np.asarray(status))


@pytest.mark.parametrize("lost", [Outcome.DIVERGED, Outcome.NOT_FINITE, Outcome.OUT_OF_RANGE])
def test_a_restoration_that_went_astray_is_never_ok(lost: Outcome) -> None:
    """Whichever it was, before or after training; one that ran out of steps counts as it is."""
    good = solved(Outcome.CONVERGED, Outcome.MAX_STEPS)
    bad = solved(Outcome.MAX_STEPS, lost)
    assert (good.astray, good.unsolved, bad.astray, bad.unsolved) == (0, 1, 1, 2)
    trained: Any = SimpleNamespace(diverged=False, measures=SimpleNamespace(taken=np.ones(5, bool)))
    nothing: Any = None
    tuned = Tuned(1.0, 20.0, 5, False)
    seed = SeedOutcome(nothing, tuned, trained, nothing, good, good)
    assert judged(seed, MissedSteps(0, 0)) == (Status.OK, "")
    for when, changed in (("before", seed._replace(before=bad)), ("after", seed._replace(after=bad))):
        status, reason = judged(changed, MissedSteps(0, 0))
        assert status is Status.DIVERGED
        assert reason.startswith(f"1 of 2 solves of test crops {when} training diverged")
    edge, nowhere = tuned._replace(at_the_edge=True), tuned._replace(score=-np.inf)
    assert judged(seed._replace(tuned=edge), MissedSteps(0, 0)) == (Status.OK, AT_THE_EDGE)
    assert judged(seed._replace(tuned=nowhere), MissedSteps(0, 0))[0] is Status.DIVERGED


def test_a_weight_that_leads_astray_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though what it left is the nearest of all."""

    def found(model: Any, pairs: Any, weighted: Any, block: int) -> RestoredPairs:
        del model, pairs, block
        ended = solved(Outcome.DIVERGED if weighted.weight > 3 else Outcome.CONVERGED)
        return ended._replace(psnr=float(weighted.weight))

    monkeypatch.setattr(restoring, "restored", found)
    regularizer = MODELS[0].regularizer(TINY.network, TINY.network.init(0), 1.0)
    pairs = EquilibriumCase(TASKS[0], MODELS[0], (0,), TINY).drawn(0).training
    assert restoring.tuned_weight(MODELS[0], pairs, regularizer, 2)[:2] == pytest.approx((2**1.5, 2**1.5))


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
    alone = [one | {"status": "diverged"} if one["regularizer"] == IMPLICIT.name else one for one in rows()]
    assert verdicts(alone) == [Verdict.HOLDS, Verdict.NOT_TESTED]
    page = ElderTraining().page(found)
    assert "1 not ok on all 3 seeds" in page.verdict
    assert "1 not ok with a known best weight on all 3 seeds" in page.verdict
    assert len(write_page(page, tmp_path)) == 3
    assert "60 of 100 steps" in (tmp_path / "README.md").read_text()


def test_a_weight_at_the_edge_leaves_its_gain_unknown() -> None:
    """Trained it is compared all the same; by its own start alone it is not."""
    found = rows()
    found[0] |= {"at_the_edge": True}
    assert verdicts(found) == [Verdict.IN_DIRECTION, Verdict.HOLDS]


def test_an_unfinished_run_is_not_judged() -> None:
    """B1 needs no training without an energy, B2 does; how many are missing is said."""
    found = rows()
    assert verdicts(found[:-1]) == [Verdict.HOLDS, Verdict.NOT_TESTED]
    assert {one.reason for one in ElderTraining().findings(found[1:])} == {
        "1 of 27 trainings are not measured yet",
        "1 of 36 trainings are not measured yet",
    }


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
    with pytest.raises(UserError, match="missing"):
        ElderTraining().of_images(tmp_path / "missing").cases(True)
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.linspace(0, 1, 20 * 20).reshape(20, 20))
    with pytest.raises(UserError, match="32 x 32"):
        ElderTraining().of_images(tmp_path).cases(False)
    full, quick = ElderTraining().cases(False), ElderTraining().of_images(tmp_path).cases(True)
    assert len(full) == len(TASKS) * len(MODELS)
    assert {one.model.name for one in quick} == {one.name for one in MODELS}
    assert all(one.size == QUICK and one.seeds == (0,) for one in quick)
    assert quick[0].name.startswith(f"inpainting, gradient step, images of {tmp_path.name!r}, 4 + 4 crops")
    longer = dataclasses.replace(quick[0], size=dataclasses.replace(QUICK, steps=5))
    assert len({quick[0].name, longer.name, dataclasses.replace(quick[0], seeds=(1,)).name}) == 3


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
        learned = one["solve_missed"] + one["adjoint_missed"] < one["steps"]
        assert learned == (one["learned_sigma"] != pytest.approx(SIGMA, rel=1e-6))
    assert first["pretrained_psnr"] != second["pretrained_psnr"]
    assert set(first["crops"] or {}) == {"truth", "A^T y", "pre-trained", "trained"}
    assert second["crops"] is None
    figures = ElderTraining().page([dict(first), dict(second)]).figures
    assert set(figures) == {"psnr", "losses", "restored_crops"}
