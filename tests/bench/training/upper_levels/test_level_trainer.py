"""Training by upper levels, on a quadratic whose losses are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quadratic_levels
from quadratic_levels import SIZE, DiagonalQuadratic

from hypergrad_bench.bench.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hypergrad_bench.bench.training.pairs import Pairs, batch_indices
from hypergrad_bench.bench.training.step_trainer import StepState, StepTrainer
from hypergrad_bench.bench.training.training_step import DIVERGED, STUCK
from hypergrad_bench.bench.training.upper_levels import level_step
from hypergrad_bench.bench.training.upper_levels.level_trainer import LevelTrainer
from hypergrad_bench.hypergrad import InexactSgd, Maid, PairSolves, PowerDecay
from hypergrad_bench.problems import AnalysisL1

PROBLEM = quadratic_levels.problem()
PAIRS = Pairs(PROBLEM.A, PROBLEM.y, PROBLEM.truth)
START = DiagonalQuadratic(jnp.full(SIZE, 1.0))
SGD = InexactSgd(batch=2, steps=PowerDecay(3.0), solves=PairSolves(max_steps=50))


@pytest.fixture(scope="module")
def maid():
    return LevelTrainer(Maid(step_size=10.0), PAIRS, START)


@pytest.fixture(scope="module")
def whole(maid):
    """Twelve steps in one call."""
    return maid.advance(maid.start(), 12)


def plain(leaf):
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def equal(one, other):
    jax.tree.map(lambda one, other: np.testing.assert_array_equal(plain(one), plain(other)), one, other)


def test_the_curve_certifies_the_fall_of_the_true_loss(maid, whole):
    state = maid.start()
    losses, measures = [], whole[1]
    for _ in range(13):
        losses.append(quadratic_levels.true_loss(PROBLEM, np.asarray(maid.learned(state).weights)))
        state, _ = maid.advance(state, 1)
    losses = np.array(losses)
    known = measures.level
    assert measures.taken.any()
    assert np.all(known.least <= losses[:-1])
    assert np.all(losses[:-1] <= known.most)
    assert np.all(losses[:-1] - losses[1:] >= known.certified_fall)
    np.testing.assert_array_equal(known.certified_fall > 0, measures.taken)
    assert np.all(known.accuracy > 0)
    assert np.all(known.gradient_bound[measures.taken] < measures.gradient_norm[measures.taken])
    assert isinstance(maid, StepTrainer)
    assert isinstance(state, StepState)


def test_a_state_that_went_through_its_file_goes_on_to_the_same_bits(maid, whole, tmp_path):
    state, first = maid.advance(maid.start(), 5)
    save_checkpoint(tmp_path / "state", Checkpoint(state, 1.0), "this one")
    read = load_checkpoint(tmp_path / "state", maid.start(), "this one")
    after, rest = maid.advance(maid.placed(read.state), 7)
    equal(after, whole[0])
    equal(jax.tree.map(lambda *parts: np.concatenate(parts), first, rest), whole[1])


def test_batches_are_those_of_every_other_training(tmp_path):
    """A pair that no step took is where its solve would begin; a random key survives the file."""
    trainer = LevelTrainer(SGD, PAIRS, START, seed=3)
    begun = trainer.start()
    state, measures = trainer.advance(begun, 1)
    (taken,) = batch_indices(3, PAIRS.number, 2, 0, 1)
    moved = np.any(np.asarray(state.level.x) != np.asarray(begun.level.x), axis=1)
    np.testing.assert_array_equal(np.flatnonzero(moved), np.sort(taken))
    assert measures.level.accuracy[0] == 0.1
    assert np.isnan(measures.level.certified_fall).all()
    save_checkpoint(tmp_path / "state", Checkpoint(state, 1.0), "this one")
    read = load_checkpoint(tmp_path / "state", begun, "this one")
    equal(trainer.advance(read.state, 3)[0], trainer.advance(begun, 4)[0])


def test_steps_that_cannot_be_trusted_end_a_training_as_stuck():
    loose = InexactSgd(batch=2, accuracies=PowerDecay(1e-99), solves=PairSolves(max_steps=1))
    uneven = DiagonalQuadratic(jnp.arange(1.0, SIZE + 1))  # no solve is exact by chance
    trainer = LevelTrainer(loose, PAIRS, uneven)
    state, measures = trainer.advance(trainer.start(), 99)
    assert (int(state.ended), int(state.step)) == (STUCK, level_step.PATIENCE)
    assert not measures.taken.any()
    equal(trainer.learned(state), uneven)


def test_a_loss_that_explodes_ends_it_with_the_last_good_parameters(monkeypatch):
    monkeypatch.setattr(level_step, "EXPLODED", 0.0)
    trainer = LevelTrainer(SGD, PAIRS, START)
    state, measures = trainer.advance(trainer.start(), 3)
    assert (int(state.ended), int(state.step)) == (DIVERGED, 1)
    assert not measures.taken.any()
    equal(trainer.learned(state), START)


@pytest.mark.usefixtures("as_users_run")
def test_what_has_no_bound_is_refused():
    l1 = AnalysisL1.initial((SIZE,), 0)
    with pytest.raises(ValueError, match="does not apply: AnalysisL1 does not bound how its Hessian varies"):
        LevelTrainer(Maid(), PAIRS, l1)
    with pytest.raises(ValueError, match="a batch of 9 cannot be drawn from 4 pairs"):
        LevelTrainer(InexactSgd(batch=9), PAIRS, START)


def test_it_says_how_parameters_stay_in_their_range(maid):
    assert maid.keeping() == {"weights": "not negative: the nearest value in the range in every step"}
