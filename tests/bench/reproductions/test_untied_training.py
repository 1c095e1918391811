"""Untied training: equilibria and their gradients, what diverges, the verdict, a user's folder."""

from itertools import cycle
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import UntiedTraining
from hypergrad_bench.bench.reproductions.finding import Verdict
from hypergrad_bench.bench.reproductions.untied_training.dense_experts import DenseExperts, random_matrix
from hypergrad_bench.bench.reproductions.untied_training.equilibrium import (
    EquilibriumModel,
    MeasuredImages,
    SharedWeights,
    SolveAccount,
    Ways,
    batch_equilibria,
    differentiate,
)
from hypergrad_bench.bench.reproductions.untied_training.face_speed import (
    ending_of_accelerated,
    ending_of_plain,
)
from hypergrad_bench.bench.reproductions.untied_training.grid import SEEDS, trained_settings
from hypergrad_bench.bench.reproductions.untied_training.image_sets import (
    FACES,
    ImageSource,
    SplitSize,
    digits,
    faces,
    require_images,
)
from hypergrad_bench.bench.reproductions.untied_training.measure import Equilibria
from hypergrad_bench.bench.reproductions.untied_training.rows import ACCELERATED, TIED, UNTIED
from hypergrad_bench.bench.reproductions.untied_training.settings import MatrixExperts
from hypergrad_bench.bench.reproductions.untied_training.step_counts import ending
from hypergrad_bench.bench.reproductions.untied_training.training import Schedule, train_weights
from hypergrad_bench.bench.reproductions.untied_training.verdict import count_speed
from hypergrad_bench.problems import Identity
from hypergrad_bench.problems.files.idx_file import MAGIC
from hypergrad_bench.solvers import Anderson, AndersonRichardson, Budget, Outcome, Picard

SHAPE = (3, 3)
GENERATOR = np.random.default_rng(0)
DATA = MeasuredImages(*(jnp.asarray(GENERATOR.normal(size=(4, *SHAPE))) for _ in range(2)))
TIGHT = Ways(Anderson(), Budget(200, 1e-12, 1), AndersonRichardson(5, 200, 1e-12))
MATRIX, BIASES = (jnp.asarray(one) for one in random_matrix(9, 0))
OTHER = MATRIX + 0.1 * jnp.asarray(GENERATOR.normal(size=MATRIX.shape))
TIED_WEIGHTS, UNTIED_WEIGHTS = SharedWeights(MATRIX, None, BIASES), SharedWeights(MATRIX, OTHER, BIASES)


def model(tau: float, ways: Ways = TIGHT) -> EquilibriumModel:
    return EquilibriumModel(Identity(), jnp.asarray(0.7), jnp.asarray(tau), MatrixExperts(), ways)


def exact_gradient(weights: SharedWeights) -> SharedWeights:
    """By a dense solve at fixed points of the plain map, one image after the other."""

    def operator(weights: SharedWeights, x: Any, y: Any) -> Any:
        bent = jnp.maximum(weights.analysis @ x + weights.biases, 0)
        return x - y + 0.7 * weights.mapping_back.T @ bent

    def share(weights: SharedWeights, truth: Any, y: Any) -> Any:
        x = jax.lax.fori_loop(0, 300, lambda _, x: x - 0.5 * operator(weights, x, y), y)
        x = jax.lax.stop_gradient(x)
        J = jax.jacfwd(operator, argnums=1)(weights, x, y)
        v = jax.lax.stop_gradient(jnp.linalg.solve(J.T, 2 * (x - truth) / x.size))
        return -v @ operator(weights, x, y)

    def pairing(weights: SharedWeights) -> Any:
        flat = (part.reshape(len(part), -1) for part in DATA)
        return jnp.mean(jax.vmap(lambda truth, y: share(weights, truth, y))(*flat))

    return jax.jit(jax.grad(pairing))(weights)


@pytest.mark.parametrize("weights", [TIED_WEIGHTS, UNTIED_WEIGHTS], ids=[TIED, UNTIED])
def test_gradients_of_a_batch_are_those_of_a_dense_solve(weights: SharedWeights) -> None:
    """The tied one is by both places where A stands."""
    found = jax.jit(differentiate)(model(0.9), weights, DATA)
    assert bool(jnp.all(found.account.solved))
    for one, exact in zip(
        jax.tree.leaves(found.gradient), jax.tree.leaves(exact_gradient(weights)), strict=True
    ):
        np.testing.assert_allclose(one, exact, atol=1e-10)


def test_a_tied_operator_is_the_gradient_of_an_energy() -> None:
    x = DATA.y[0]
    tied = DenseExperts(MATRIX, MATRIX, BIASES, jnp.asarray(0.7))
    expected = jax.grad(lambda x: 0.35 * jnp.sum(jnp.maximum(MATRIX @ x.ravel() + BIASES, 0) ** 2))(x)
    np.testing.assert_allclose(tied.operator(x), expected, atol=1e-14)


def test_members_of_a_batch_do_not_depend_on_each_other() -> None:
    """One that takes other steps, or has no number, leaves the others' bits as they are."""
    solved = jax.jit(batch_equilibria)
    alone = solved(model(0.9), UNTIED_WEIGHTS, DATA.y)
    for last in (1e3 * DATA.y[3], jnp.full(SHAPE, jnp.nan)):
        beside = solved(model(0.9), UNTIED_WEIGHTS, DATA.y.at[3].set(last))
        np.testing.assert_array_equal(beside.x[:3], alone.x[:3])
        np.testing.assert_array_equal(beside.steps[:3], alone.steps[:3])


def test_what_diverges_is_not_trained_on() -> None:
    """Training lowers the loss where the map contracts; where it expands no step is taken, and said."""
    plainly = Ways(Picard(), Budget(200, 1e-9, 1), TIGHT.adjoint)
    data, schedule = MeasuredImages(0.1 * DATA.truths, DATA.y), Schedule(2, 3)
    with jax.numpy_dtype_promotion("standard"):  # optax multiplies by its step count
        good, bad = (
            train_weights(model(tau, plainly), UNTIED_WEIGHTS, data, schedule, 0) for tau in (0.5, 3.0)
        )
    assert good.account.taken.all()
    losses = good.account.loss.reshape(3, 2).mean(axis=1)
    assert losses[2] < losses[0]
    assert ending(good.account, 0, 0).status == "ok"
    assert not bad.account.taken.any()
    assert (bad.account.solves.outcome != int(Outcome.CONVERGED)).all()
    np.testing.assert_array_equal(bad.weights.analysis, MATRIX)
    assert ending(bad.account, 0, 0) == (
        "diverged",
        "6 steps were not taken, as a solve of their batch diverged",
    )


def trained_row(model: str, training: float | None, test: float | None, **changes: Any) -> dict[str, Any]:
    """A training without anything amiss."""
    fixed = {
        "what": "training", "quick": False, "setting": "one", "source": "digits", "task": "denoising",
        "noise": 0.1, "tau": 0.9, "gamma": 0.5, "model": model, "seed": 0, "status": "ok", "reason": "",
        "training_images": 20, "test_images": 10, "epochs": 1, "training_steps": 2, "not_taken": 0,
        "missed": 0.0, "missed_adjoints": 0.0, "solver_steps": 5.0, "adjoint_steps": 4.0, "residual": 1e-4,
        "adjoint_residual": 1e-4, "losses": [0.1], "measured_error": 0.1, "first_training_error": 2.0,
        "first_test_error": 0.2,
        "training_error": training, "test_error": test, "missed_equilibria": 0,
        "diverged_equilibria": 0, "contraction": 0.5, "largest_contraction": 0.6, "seconds": 1.0,
    }  # fmt: skip
    return fixed | changes


def pair(untied: float | None, test: float = 1.0, **changes: Any) -> list[dict[str, Any]]:
    """A tied training whose errors are one, where they were two, and an untied one."""
    of_both = {key: changes[key] for key in ("setting", "seed", "first_training_error") if key in changes}
    return [trained_row(TIED, 1.0, 1.0, **of_both), trained_row(UNTIED, untied, test, **changes)]


def whole_run(*kinds: dict[str, Any]) -> list[dict[str, Any]]:
    """All trainings of a whole run, its pairs of these kinds in turn."""
    places = [{"setting": one.name, "seed": seed} for one in trained_settings(quick=False) for seed in SEEDS]
    return [row for place, kind in zip(places, cycle(kinds), strict=False) for row in pair(**(place | kind))]


FITS, WORSE = {"untied": 1.0009}, {"untied": 1.0011}
MISSED: dict[str, Any] = {"status": "adjoint_missed", "missed_adjoints": 0.1}
AWAY: dict[str, Any] = {"untied": 0.5, "status": "diverged", "not_taken": 1}
LOST: dict[str, Any] = {"untied": None, "status": "diverged", "diverged_equilibria": 1}
UNKNOWN: dict[str, Any] = {"untied": 0.5, "status": "max_steps", "missed_equilibria": 1}
UNTRAINED: dict[str, Any] = {"untied": 1.0, "first_training_error": 1.0}


@pytest.mark.parametrize(
    ("kinds", "expected", "told", "reason"),
    [
        ([FITS], Verdict.HOLDS, "no larger: 24 of 24", ""),
        ([WORSE], Verdict.DOES_NOT_HOLD, "no larger: 0 of 24", ""),
        ([FITS, WORSE], Verdict.DOES_NOT_HOLD, "no larger: 12 of 24", ""),
        ([FITS, FITS | MISSED], Verdict.HOLDS, "whose iterations missed: 12 of 12", ""),
        ([FITS, WORSE | MISSED], Verdict.IN_DIRECTION, "whose iterations missed: 0 of 12", ""),
        ([WORSE, WORSE | MISSED], Verdict.DOES_NOT_HOLD, "no larger: 0 of 12", ""),
        ([FITS | MISSED], Verdict.IN_DIRECTION, "no larger: 0 of 0", "iterations of all trainings stopped"),
        (
            [FITS, AWAY],
            Verdict.DOES_NOT_HOLD,
            "12 of 24, 1 ± 0 of the tied one's, 1 to 1, 12 whose untied",
            "",
        ),
        ([LOST], Verdict.DOES_NOT_HOLD, "0 of 24, 24 whose untied training alone failed", ""),
        ([FITS, {"untied": 1.99}], Verdict.DOES_NOT_HOLD, "12 whose untied training alone failed", ""),
        ([UNTRAINED], Verdict.NOT_TESTED, "left out: 24 pairs", "nothing to judge"),
        ([FITS, UNTRAINED], Verdict.IN_DIRECTION, "left out: 12 pairs", "is left out"),
        ([UNKNOWN], Verdict.NOT_TESTED, "left out: 24 pairs", "nothing to judge"),
        ([FITS, UNKNOWN], Verdict.IN_DIRECTION, "left out: 12 pairs", "is left out"),
    ],
)
def test_the_finding_follows_its_rule(
    kinds: list[dict[str, Any]], expected: Verdict, told: str, reason: str
) -> None:
    """Nothing that went away, was not trained or is not known vanishes from a claim that holds."""
    (found,) = UntiedTraining().findings(whole_run(*kinds))
    assert (found.claim, found.verdict) == ("C2", expected)
    assert told in found.measured
    assert reason in found.reason
    assert bool(reason) == bool(found.reason)


def test_an_unfinished_run_is_no_verdict() -> None:
    """Of the rows that there are the page tells already."""
    rows = whole_run(FITS)
    for some, reason in (([], "48 of 48 trainings"), (rows[:-1], "1 of 48 trainings")):
        (found,) = UntiedTraining().findings(some)
        assert found.verdict is Verdict.NOT_TESTED
        assert found.reason == f"{reason} are not measured yet"


def test_the_page_says_which_pairs_are_judged(tmp_path: Path) -> None:
    kinds = [FITS, FITS | MISSED, LOST, UNKNOWN]
    page = UntiedTraining().page([row for seed, kind in enumerate(kinds) for row in pair(**kind, seed=seed)])
    assert "(1 of 2, " in page.verdict
    assert "1 pairs" in page.verdict
    write_page(page, tmp_path)
    text = (tmp_path / "README.md").read_text()
    for judged in ("yes", "yes, apart", "yes, the untied one failed", "no"):
        assert f" {judged} |" in text


def test_who_generalises_is_counted_and_not_judged() -> None:
    rows = whole_run({"untied": 0.5, "test": 1.2}, {"untied": 0.5, "test": 0.9})
    (found,) = UntiedTraining().findings(rows)
    assert found.verdict is Verdict.HOLDS
    assert "test error is the smaller one in 12 of 24 compared pairs" in found.measured


def test_steps_on_faces_are_judged_at_equal_residuals() -> None:
    def row(seconds: float, **changes: Any) -> Any:
        return {
            "contestant": ACCELERATED,
            "quick": False,
            "status": "ok",
            "forward_seconds": seconds,
            "backward_seconds": 15.0,
        } | changes

    missed, other, small = row(1.0, status="max_steps"), row(0.1, contestant="plain"), row(0.1, quick=True)
    judged = count_speed([row(15.8), row(15.9), missed, other, small])
    assert (judged.met, judged.of, judged.left_out) == (1, 2, "1 that missed them")


def account(residual: float, adjoint_residual: float, outcome: Outcome = Outcome.MAX_STEPS) -> SolveAccount:
    """Of one solve that stopped at its limit."""
    numbers = (int(outcome), 9, residual, 9, adjoint_residual, False)
    return SolveAccount(*(np.asarray([number]) for number in numbers))


def test_with_plain_iterations_that_came_nowhere_nothing_is_compared() -> None:
    """They are the measure of the accelerated ones, which are ok beside good ones alone."""
    good, asked = ending_of_plain(account(0.1, 0.2)), (0.1, 0.2)
    assert good == ("ok", "")
    assert ending_of_accelerated(account(0.1, 0.2), asked, good) == ("ok", "")
    assert ending_of_accelerated(account(0.1, 0.3), asked, good).status == "max_steps"
    nan = float("nan")
    assert ending_of_accelerated(account(nan, 0.2, Outcome.NOT_FINITE), asked, good).status == "diverged"
    for bad, status in ((account(0.1, 0.6), "max_steps"), (account(nan, nan), "diverged")):
        plain = ending_of_plain(bad)
        assert plain.status == status
        assert plain.reason
        ours = ending_of_accelerated(account(0.1, 0.2), asked, plain)
        assert ours.status == "max_steps"
        assert ours.reason.startswith("nothing to compare with")


def test_cases_of_other_sizes_and_images_have_other_names(tmp_path: Path) -> None:
    """What a folder is resumed by: numbers of other runs do not go beside its own."""
    quick, whole = ({case.name for case in UntiedTraining().cases(quick)} for quick in (True, False))
    assert not quick & whole
    named = [ImageSource(FACES, folder, SplitSize(1, 2, (3, 4))).name for folder in (None, tmp_path)]
    assert named == ["1 + 2 photographs of 3 x 4", "1 + 2 faces of 3 x 4"]


def test_means_are_of_solved_images() -> None:
    """One that went away has steps without a meaning."""
    outcomes = np.asarray([int(Outcome.CONVERGED), int(Outcome.DIVERGED), int(Outcome.MAX_STEPS)])
    found = Equilibria(np.ones(3), outcomes, np.asarray([4, 200, 200]))
    assert found.mean_steps == 4
    assert found._replace(outcome=outcomes[[1, 1, 1]]).mean_steps is None
    away, limit = account(2.0, float("nan"), Outcome.DIVERGED), account(0.1, 0.2)
    for one, stopped in ((away, False), (limit, True)):
        assert (bool(one.stopped), bool(one.adjoint_stopped)) == (stopped, stopped)


def test_a_users_digits_and_faces_are_split_by_the_seed(tmp_path: Path) -> None:
    """Every image on one side, values from -1 to 1 and from 0 to 1; what is missing or too small is said."""
    with pytest.raises(UserError, match="has no folder 'mnist'"):
        UntiedTraining().of_images(tmp_path).cases(quick=True)
    for name in ("mnist", "celeba20"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="holds no mnist/"):
        digits(tmp_path, SplitSize(3, 2, (2, 2)), 0)
    stack = np.repeat(np.arange(0, 255, 51, dtype=np.uint8), 4)
    content = MAGIC + np.asarray((5, 2, 2), ">u4").tobytes() + stack.tobytes()
    for name in ("t-idx3-ubyte", "a-idx3-ubyte.part", "b-idx3-ubyte.gz"):
        (tmp_path / "mnist" / name).write_bytes(content)
    with pytest.raises(UserError, match=r"holds 2 files of digits, b-idx3-ubyte\.gz, t-idx3-ubyte; one is"):
        digits(tmp_path, SplitSize(3, 2, (2, 2)), 0)
    (tmp_path / "mnist" / "b-idx3-ubyte.gz").unlink()
    found, again = (digits(tmp_path, SplitSize(3, 2, (2, 2)), seed) for seed in (0, 1))
    values = [np.concatenate([one.training, one.testing])[:, 0, 0] for one in (found, again)]
    for one in values:
        np.testing.assert_allclose(np.sort(one), 2 * np.arange(5) / 5 - 1)
    assert not np.array_equal(*values)
    with pytest.raises(UserError, match="5 digits were found; 6 are needed"):
        digits(tmp_path, SplitSize(4, 2, (2, 2)), 0)
    with pytest.raises(UserError, match=r"images of \(2, 2\) pixels; \(28, 28\) is accepted"):
        digits(tmp_path, SplitSize(4, 1, (28, 28)), 0)
    grey = np.tile(np.arange(8, dtype=np.uint8), (6, 1))
    for name in "ab":
        Image.fromarray(grey).save(tmp_path / "celeba20" / f"{name}.png")
    middle = faces(tmp_path, SplitSize(1, 1, (2, 4)), 0)
    np.testing.assert_allclose(middle.training[0], grey[2:4, 2:6] / 255)
    with pytest.raises(UserError, match=r"a.png has \(6, 8\) pixels; at least \(7, 4\) are accepted"):
        faces(tmp_path, SplitSize(1, 1, (7, 4)), 0)
    with pytest.raises(UserError, match="2 faces were found; 20 are needed"):
        require_images([ImageSource(FACES, tmp_path, SplitSize(10, 10, (2, 4)))])
    with pytest.raises(UserError, match=r"images of \(2, 2\) pixels; \(28, 28\) is accepted"):
        UntiedTraining().of_images(tmp_path).cases(quick=True)
