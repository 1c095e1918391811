"""BLORC's training: exact batches, training, likeness, patches, verdicts, and a quick run."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from reproduction_rows import quick_rows

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.reproductions.blorc_training import (
    certified_batch,
    measure,
    published,
    speed,
    whole_image,
)
from hypergrad_bench.bench.reproductions.blorc_training.active_systems import project_on_active
from hypergrad_bench.bench.reproductions.blorc_training.certified_batch import (
    dictionary,
    solve_certified,
    solve_inexactly,
)
from hypergrad_bench.bench.reproductions.blorc_training.claim import BlorcTraining
from hypergrad_bench.bench.reproductions.blorc_training.denoising import TunedBaseline, error_on, tuned
from hypergrad_bench.bench.reproductions.blorc_training.likeness import in_order, likeness
from hypergrad_bench.bench.reproductions.blorc_training.patches import average_patches, patches_of
from hypergrad_bench.bench.reproductions.blorc_training.pictures import pictures
from hypergrad_bench.bench.reproductions.blorc_training.signals import (
    COSINE,
    PIECEWISE,
    Signals,
    cosine_transform,
    differences,
    draw_signals,
    first_operator,
)
from hypergrad_bench.bench.reproductions.blorc_training.speed import batch_gradient, exact_gradient
from hypergrad_bench.bench.reproductions.blorc_training.training import (
    TENFOLD,
    Descent,
    DescentAccount,
    Trained,
    begin,
    epochs,
    train,
)
from hypergrad_bench.bench.reproductions.blorc_training.training_rows import read_recorded
from hypergrad_bench.bench.reproductions.blorc_training.verdict import count_targets
from hypergrad_bench.bench.reproductions.finding import Verdict
from hypergrad_bench.solvers import Budget

N = 12
SIGNALS = draw_signals(PIECEWISE, N, 20, 0)
solved, projected = map(jax.jit, (solve_certified, project_on_active))
differentiated, exact = map(jax.jit, (batch_gradient, exact_gradient))


def difference_like(weight: float) -> jax.Array:
    """Differences with a row of zeros, moved a little."""
    rows = np.concatenate([differences(N), np.zeros((1, N))])
    return jnp.asarray(weight * (rows + 0.02 * np.random.default_rng(0).normal(size=rows.shape)))


@pytest.mark.parametrize(
    "W", [first_operator(N), difference_like(0.02), difference_like(0.2)], ids=["first", "weak", "strong"]
)
def test_gradients_of_batches_are_those_of_certified_solutions(W) -> None:
    """Another solver, another differentiation: few, some and most rows active."""
    batch = Signals(*(part[:5] for part in SIGNALS))
    expected = exact(W, batch)
    error = jnp.linalg.norm(differentiated(W, batch) - expected) / jnp.linalg.norm(expected)
    assert float(error) < 1e-10


@pytest.mark.parametrize("most", [0, 3, 6, N])
@pytest.mark.parametrize("repeated", [False, True], ids=["independent", "dependent"])
def test_projections_are_those_of_the_pseudoinverse(most, repeated) -> None:
    """Few, some and all rows active, as many as a compiled size holds or one fewer; dependent rows are told.

    Rows that are repeated, negated or summed: the factorisation and W0 v = 0 may pass, the multipliers are
    the shortest all the same.
    """
    generator = np.random.default_rng(most)
    W, g = generator.normal(size=(N, N)), generator.normal(size=(4, 2, N))
    if repeated:
        mixed = np.diag([1.0, -1.0, 2.0, 1.0, 1.0, 1.0])
        mixed[4, 5] = 1
        W[N // 2 :] = mixed @ W[: N // 2]
    active = np.zeros((4, N), bool)
    for member, count in zip(active, (most, max(0, most - 1), most // 2, 0), strict=True):
        member[generator.permutation(N)[:count]] = True
    found = projected(*map(jnp.asarray, (W, W @ W.T, active, g)))
    for rows, right, v, mu in zip(active, g, found.v, found.mu, strict=True):
        expected = right - right @ np.linalg.pinv(W[rows]) @ W[rows]
        np.testing.assert_allclose(v, expected, atol=1e-12)
        np.testing.assert_allclose(mu @ W, right - expected, atol=1e-12)
        np.testing.assert_allclose(mu[:, rows], right @ np.linalg.pinv(W[rows]), atol=1e-9)
        assert not np.any(mu[:, ~rows])
    ranks = [np.linalg.matrix_rank(W[rows]) if rows.any() else 0 for rows in active]
    np.testing.assert_array_equal(found.independent, ranks == active.sum(axis=1))


def test_an_orthonormal_operator_shrinks_coefficients() -> None:
    """x = C^T soft(C y), u the clipped coefficients; the start does not matter."""
    C, y = jnp.asarray(cosine_transform(N)), SIGNALS.measured
    start = jnp.asarray(np.random.default_rng(1).normal(size=y.shape))
    found = solved(dictionary(0.3 * C), y, SIGNALS.truths, start)
    coefficients = y @ C.T
    shrunk = jnp.sign(coefficients) * jnp.maximum(jnp.abs(coefficients) - 0.3, 0)
    np.testing.assert_allclose(found.x, shrunk @ C, atol=1e-12)
    assert bool(jnp.all(found.certified))
    x, gap = solve_inexactly(dictionary(0.3 * C), y, 200)
    np.testing.assert_allclose(x, found.x, atol=1e-7)
    assert float(jnp.max(gap)) < 1e-7


def test_what_is_not_certified_is_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a dual step to solve by, no training step is taken, and all are counted."""
    monkeypatch.setattr(certified_batch, "MOST_STEPS", 0)
    W = difference_like(0.2)
    found = train(W, SIGNALS, TENFOLD.cut(3), 0)
    assert (found.refused, found.rank_deficient) == (3, 0)
    np.testing.assert_array_equal(found.W, W)


def test_no_step_is_taken_where_active_rows_depend() -> None:
    """Two equal rows: the solutions are certified, but there is no gradient by either row."""
    W = difference_like(0.2)
    W = W.at[-1].set(W[0])
    found = solved(dictionary(W), SIGNALS.measured, SIGNALS.truths, jnp.zeros_like(SIGNALS.measured))
    np.testing.assert_array_equal(found.certified, True)
    assert not bool(jnp.all(found.independent))
    trained = train(W, SIGNALS, TENFOLD.cut(4), 0)
    assert trained.refused == trained.rank_deficient > 0


def test_training_lowers_the_loss_and_is_the_same_again() -> None:
    """Same seed, same bits; the error falls on the signals that it was trained on."""
    first = first_operator(N)
    found, again = (train(first, SIGNALS, Descent(0.02, 150), 0) for _ in range(2))
    assert found.refused == 0
    assert found.W.tobytes() == again.W.tobytes()
    before, after = (error_on(jnp.asarray(W), SIGNALS)[0] for W in (first, found.W))
    assert after < 0.98 * before


def test_every_signal_comes_once_an_epoch() -> None:
    """And in another order the next time."""
    batches = epochs(20, 8, 0)
    assert batches.shape == (8, 5)
    assert sorted(batches[:4].ravel()) == sorted(batches[4:].ravel()) == list(range(20))
    assert not np.array_equal(batches[:4], batches[4:])


def test_a_tuned_weight_is_the_best_on_training_signals() -> None:
    """Cosine-sparse signals are denoised better by the cosine transform, and certified."""
    training, testing = (draw_signals(COSINE, N, 20, 0, split) for split in ("train", "test"))
    of_cosines, of_differences = (
        tuned(name, training, testing) for name in ("cosine transform", "differences")
    )
    assert of_cosines.error < of_differences.error
    assert of_cosines.uncertified == of_differences.uncertified == 0


def test_errors_on_doubtful_signals_are_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the learned operator's test, and of the baselines' tuning: both count."""
    canned = Trained(begin(first_operator(N), SIGNALS), [], [1.0], 4, 0, 0, 80.0, 0.1)
    monkeypatch.setattr(measure, "train", lambda *_: canned)
    monkeypatch.setattr(measure, "tuned", lambda *_: TunedBaseline(0.1, 1.0, 1))
    for uncertified, total in ((0, 2), (3, 5)):
        monkeypatch.setattr(measure, "error_on", lambda *_, missed=uncertified: (0.5, missed))
        row = measure.measure_signals(PIECEWISE, 1, measure.Size(N, 20, 5, 5, 4), True)[0]
        assert (row["status"], row["uncertified"]) == ("not_certified", total)
        assert row["reason"] == f"{total} solutions behind the errors are not certified"


def test_errors_on_doubtful_images_are_not_certified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Total variation without the steps that it needs, and patches with a gap."""
    grey = np.random.default_rng(0).integers(0, 255, size=(10, 9)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    found = pictures(tmp_path)
    canned = Trained(begin(first_operator(64), SIGNALS), [], [1.0], 4, 2, 0, 80.0, 0.1)
    monkeypatch.setattr(measure, "train", lambda *_: canned)
    monkeypatch.setattr(whole_image, "TOTAL_VARIATION", Budget(2, 1e-9))
    monkeypatch.setattr(measure, "by_patches", lambda _, noisy: (noisy, 1e-5))
    row = measure.measure_image(found, 1, measure.Size(64, 20, 0, 0, 4), True)[0]
    each = len(whole_image.WEIGHTS) + 1
    assert (row["status"], row["missed"], row["residual"]) == ("not_certified", 2 * each, 1e-5)
    assert row["reason"] == (
        f"2 steps were not taken; {2 * each} solves of total variation missed their tolerance; "
        "a patch has a duality gap of 1e-05, above 1e-06"
    )


def test_likeness_knows_rows_in_any_order_sign_and_size() -> None:
    """Rows next to nothing do not count; those of noise are like none."""
    expected, generator = cosine_transform(16), np.random.default_rng(0)
    sizes = generator.uniform(0.5, 2, size=(16, 1)) * np.sign(generator.normal(size=(16, 1)))
    mixed = (sizes * expected)[generator.permutation(16)]
    found = likeness(np.concatenate([mixed, 1e-3 * generator.normal(size=(4, 16))]), expected)
    assert found.rows == 16
    assert found.of_rows == pytest.approx(1)
    assert found.of_expected == pytest.approx(1)
    assert likeness(generator.normal(size=(16, 16)), expected).of_rows < 0.7
    ordered = in_order(mixed, expected)
    np.testing.assert_allclose(ordered / np.linalg.norm(ordered, axis=1, keepdims=True), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(9, 12), (13, 8)])
def test_patches_average_to_their_image(shape) -> None:
    """Pixels near the border belong to fewer patches."""
    image = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(average_patches(patches_of(image), shape), image, atol=1e-14)


def test_the_authors_step_is_the_mean_of_their_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """With exact solutions in place of cvxpy's it is the exact gradient of the batch."""

    class Exact:
        def __init__(self, rows: int, length: int) -> None:
            assert rows == length == N

        def solve(self, W: Any, y: Any) -> np.ndarray:
            batch = jnp.asarray(y)[None]
            found = solved(dictionary(jnp.asarray(W)), batch, batch, jnp.zeros((1, N)))
            return np.asarray(found.x[0])

    monkeypatch.setattr(published, "DenoisingInCvxpy", Exact)
    W, batch = difference_like(0.2), Signals(*(np.asarray(part[:2]) for part in SIGNALS))
    found = published.PublishedTraining(N).gradient(np.asarray(W), batch.measured, batch.truths)
    np.testing.assert_allclose(found, differentiated(W, Signals(*map(jnp.asarray, batch))), atol=1e-10)


def test_pictures_of_a_folder_are_its_first_two(tmp_path: Path) -> None:
    """One alone is trained on and denoised; none, or one that is too small, is refused."""
    with pytest.raises(UserError, match="holds no image"):
        pictures(tmp_path)
    grey = np.random.default_rng(0).integers(0, 255, size=(20, 24)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "b.png")
    one = pictures(tmp_path)
    assert one.training.name == one.testing.name == "b.png"
    Image.fromarray(grey[:9, :9]).save(tmp_path / "a.png")
    two = pictures(tmp_path)
    assert (two.training.name, two.testing.name) == ("a.png", "b.png")
    Image.fromarray(grey[:7]).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="7 x 24 pixels; 8 x 8 or more"):
        pictures(tmp_path)


def signal_row(rate: float, kind: str, like: float, learned: float, **changes: Any) -> dict[str, Any]:
    """A row of a training on signals, whose best baseline has an error of one."""
    fixed = {
        "what": "signals",
        "quick": False,
        "signals": kind,
        "operator": "differences",
        "rate": rate,
        "seed": 1,
        "status": "ok",
        "reason": "",
        "steps": 100_000,
        "refused": 0,
        "dual_steps": 80.0,
        "seconds": 100.0,
        "losses": [1.0],
        "learned": None,
        "likeness_of_rows": like,
        "likeness_of_expected": like,
        "likeness_on_the_way": [0.5, like],
        "rows": 64,
        "mean_squared_error": {"noisy": 3.0, "learned": learned, "differences": 1.0, "cosine transform": 2.0},
        "weight": {"differences": 0.1, "cosine transform": 0.1},
        "uncertified": 0,
    }
    return fixed | changes


def all_trainings(published_like: Any, tenfold_like: Any) -> list[dict[str, Any]]:
    """A row of each kind, seed and rate."""
    return [
        signal_row(rate, kind, like, 0.9, seed=seed, steps=500_000, seconds=550.0)
        for seed in (0, 1, 2)
        for rate, likes in ((1e-3, published_like), (1e-2, tenfold_like))
        for kind, like in zip(("piecewise constant", "cosine-sparse"), likes, strict=True)
    ]


@pytest.mark.parametrize(
    ("published_like", "tenfold_like", "expected"),
    [
        ((0.95, 0.95), (0.2, 0.2), Verdict.HOLDS),
        ((0.95, 0.8), (0.2, 0.2), Verdict.IN_DIRECTION),
        ((0.8, 0.8), (0.95, 0.95), Verdict.IN_DIRECTION),
        ((0.8, 0.8), (0.8, 0.8), Verdict.DOES_NOT_HOLD),
    ],
)
def test_the_finding_on_operators_follows_its_rule(published_like, tenfold_like, expected) -> None:
    """The authors' rate decides; the tenfold one alone is a direction. Long trainings count by their pace."""
    rows = all_trainings(published_like, tenfold_like)
    operators, image, signals = BlorcTraining().findings(rows)
    assert (operators.claim, image.claim, signals.claim) == ("A2", "A3", "A4")
    assert operators.verdict is expected
    assert image.verdict is Verdict.NOT_TESTED
    assert signals.verdict is Verdict.HOLDS
    assert "100000 steps in less than 120 s: 12 of 12" in operators.measured


@pytest.mark.parametrize("changes", [None, {"status": "not_certified", "reason": "3 steps were not taken"}])
def test_findings_need_every_kind_seed_and_rate(changes: dict[str, str] | None) -> None:
    """A training that is missing or not ok might have been the one that does not hold."""
    first, *others = all_trainings((0.95, 0.95), (0.2, 0.2))
    rows = others if changes is None else [first | changes, *others]
    operators, image, signals = BlorcTraining().findings(rows)
    for found in (operators, signals):
        assert found.verdict is Verdict.NOT_TESTED
        assert found.reason == "1 of 12 trainings are missing or not ok"
        assert "5 of 5" in found.measured
    assert image.reason == "not measured yet"


def speed_row(contestant: str, ratio: float | None, error: float | None, **changes: Any) -> dict[str, Any]:
    """A row of a contestant's speed."""
    fixed = {
        "what": "speed", "quick": False, "stage": "the first W", "contestant": contestant,
        "status": "ok", "reason": "", "rounds": 9, "step_seconds": 0.1, "step_seconds_q1": 0.1,
        "step_seconds_q3": 0.1, "ratio": ratio, "ratio_q1": ratio, "ratio_q3": ratio,
        "gradient_error": error, "versions": {"cvxpy": "1"},
    }  # fmt: skip
    return fixed | changes


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [
        ({"error": 1e-12}, "holds"),
        ({"error": 1e-5}, "not measured"),
        ({"error": None}, "not measured"),
        ({"error": 1e-12, "status": "not_certified", "reason": "3 of the 4 timed steps"}, "not measured"),
    ],
)
def test_a_stage_counts_with_a_right_gradient_of_ours(ours, outcome) -> None:
    """How fast a wrong gradient is says nothing."""
    rows = [speed_row(speed.OURS, None, **ours), speed_row(speed.AUTHORS, 500.0, 1e-3)]
    found = count_targets(read_recorded(rows))[0]
    assert found.outcome == outcome
    assert bool(found.left_out) == (outcome != "holds")


def test_speed_of_steps_that_are_not_taken_or_wrong_is_not_certified(monkeypatch) -> None:
    """Ours alone, with another gradient than the exact one, and without a step that was taken."""
    monkeypatch.setattr(speed, "cvxpy_is_installed", lambda: False)
    monkeypatch.setattr(speed, "exact_gradient", lambda W, _: W)
    monkeypatch.setattr(speed, "batch_gradient", lambda W, _: 1.1 * W)
    ours, _ = speed.measure_speed(speed.SpeedSetting(N, 20, (), 2), TENFOLD, True)
    assert (ours["status"], ours["reason"][:32]) == ("not_certified", "the error of the gradient is 1.0")
    monkeypatch.setattr(speed, "batch_gradient", lambda W, _: W)
    account = DescentAccount(jnp.ones(2), jnp.asarray([True, False]), jnp.zeros(2, bool), jnp.ones(2, int))
    monkeypatch.setattr(speed, "compiled_steps", lambda *_: lambda *_: (None, account))
    ours, _ = speed.measure_speed(speed.SpeedSetting(N, 20, (), 2), TENFOLD, True)
    assert (ours["status"], ours["reason"]) == ("not_certified", "1 of the 2 timed steps were not taken")


def test_the_verdict_counts_speed_errors_and_what_is_left_out() -> None:
    """An error as large as a baseline's is not below it; rows that are not ok are not judged."""
    rows = [
        speed_row(speed.OURS, None, 1e-12),
        speed_row(speed.AUTHORS, 99.0, 1e-3),
        signal_row(1e-3, "piecewise constant", 0.95, 1.0, seconds=121.0),
        signal_row(1e-2, "piecewise constant", 0.95, 0.9, status="not_certified"),
    ]
    verdict = BlorcTraining().page(rows).verdict
    assert "W becomes the expected operator (rate 0.001) (1 of 1" in verdict
    missed = verdict[verdict.index("Does not hold") : verdict.index("Not measured")]
    assert "at least 100 times the authors' steps per second (0 of 1, at least 99 times)" in missed
    assert "100000 steps in less than 120 s" in missed
    assert "smaller error on test signals than all baselines (rate 0.001) (0 of 1" in missed
    assert (
        "smaller error on test signals than all baselines (rate 0.01)"
        in verdict[verdict.index("Not measured") :]
    )


def test_the_quick_reproduction_runs_on_a_folder_of_images(tmp_path: Path) -> None:
    """Every case has its rows, and gradients of both contestants are those of certified solutions."""
    (tmp_path / "pictures").mkdir()
    grey = np.random.default_rng(0).integers(0, 255, size=(24, 24)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "pictures" / "a.png")
    found = quick_rows("blorc-training", tmp_path / "quick", "--images", str(tmp_path / "pictures"))
    times, *trained = found.values()
    ours = [row for row in times if row["contestant"] == "this project"]
    assert all(row["status"] == "ok" and row["gradient_error"] < 1e-8 for row in ours)
    assert [row["what"] for rows in trained for row in rows] == ["signals"] * 4 + ["image"] * 2
    assert all(row["refused"] == 0 for rows in trained for row in rows)
    assert trained[-1][0]["denoised"] == "a.png"
    page = (tmp_path / "quick" / "README.md").read_text()
    assert all(f"figures/{name}.png" in page for name in ("learned_operators", "losses", "denoised_images"))
