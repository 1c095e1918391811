"""The loop of training, against the same steps written out and against itself."""

import os
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training_problems import BATCH, BUDGET, COUNT, images, recipe, signals, trainer

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.entry import Origin
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.training.held_out import HeldOut
from hypergrad_bench.bench.training.pairs import Pairs, batch_indices
from hypergrad_bench.bench.training.parametrization import parametrization
from hypergrad_bench.bench.training.partners import Partners, partners
from hypergrad_bench.bench.training.trainer import Trainer
from hypergrad_bench.bench.training.training_step import DIVERGED, GOING_ON, STUCK, training_step


@pytest.fixture(scope="module", autouse=True)
def _usual_promotion():
    """Let optax multiply its whole-number step with numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def warm(_usual_promotion):
    """A trainer that is compiled once."""
    return trainer()


@pytest.fixture(scope="module")
def cold(_usual_promotion):
    """The same one whose solves all begin at the solver's own start."""
    return trainer(starts="cold")


def equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_loop_makes_the_steps_that_one_writes_out(cold):
    """Each step by `jax.grad` through the method, and optax's update, outside of any loop."""
    state, measures = cold.advance(cold.start(), 4)
    pairs, start = signals()
    regularizer, moments = start, cold.recipe.optimizer.init(start)

    @jax.jit
    def loss_and_gradient(regularizer, y, truths):
        def loss(regularizer):
            def denoised(y):
                return hypergrad.OneStep()(
                    solvers.DualFista(), BUDGET, problems.LowerLevel(pairs.A, y, regularizer)
                ).x

            return jnp.mean((jax.vmap(denoised)(y) - truths) ** 2)

        return jax.value_and_grad(loss)(regularizer)

    for index, expected in zip(batch_indices(0, COUNT, BATCH, 0, 4), measures.loss, strict=True):
        value, gradient = loss_and_gradient(regularizer, pairs.y[index], pairs.truths[index])
        updates, moments = cold.recipe.optimizer.update(gradient, moments, regularizer)
        regularizer = optax.apply_updates(regularizer, updates)
        assert float(value) == pytest.approx(float(expected), rel=1e-9)
    for found, expected, first in zip(
        *map(jax.tree.leaves, (cold.learned(state), regularizer, start)), strict=True
    ):
        np.testing.assert_allclose(found - first, expected - first, rtol=1e-6, atol=1e-12)
    assert measures.taken.all()
    assert not measures.failed.any()


def test_the_length_of_a_call_changes_no_bit(warm):
    whole, curve = warm.advance(warm.start(), 10)
    state, first = warm.advance(warm.start(), 3)
    state, second = warm.advance(state, 7)
    equal(state, whole)
    equal(jax.tree.map(lambda *parts: np.concatenate(parts), first, second), curve)
    assert int(whole.step) == 10


def test_a_trainer_on_other_pairs_shares_the_program_and_is_a_new_one_else(cold):
    """To the bit; pairs of another shape are refused."""
    pairs, regularizer = signals()
    other = Pairs(pairs.A, pairs.y[::-1], pairs.truths[::-1])
    cold.compile(cold.start())
    moved = cold.on(other, 3)
    assert moved._program is cold._program
    assert cold.recipe.seed == 0
    found, measures = moved.advance(moved.start(), 3)
    fresh = Trainer(recipe(regularizer, starts="cold", seed=3), other, regularizer)
    expected, curve = fresh.advance(fresh.start(), 3)
    equal((found, measures), (expected, curve))
    with pytest.raises(ValueError, match=r"is for y of shape \(6, 8\) in float64 .* got shape \(5, 8\)"):
        cold.on(Pairs(pairs.A, pairs.y[1:], pairs.truths[1:]))


def test_a_trainer_on_another_start_is_a_new_one_else(cold):
    """To the bit; a regulariser of another shape is refused."""
    pairs, regularizer = signals()
    doubled = jax.tree.map(lambda leaf: 2 * leaf, regularizer)
    moved = cold.on(pairs, regularizer=doubled)
    fresh = Trainer(recipe(regularizer, starts="cold"), pairs, doubled)
    equal(moved.advance(moved.start(), 3), fresh.advance(fresh.start(), 3))
    with pytest.raises(ValueError, match=r"this trainer's program is for .*; got "):
        cold.on(pairs, regularizer=jax.tree.map(lambda leaf: leaf[None], regularizer))


def test_a_solve_begins_where_the_last_one_of_its_pair_ended(warm, cold):
    """After the first epoch of three steps; the first step is that of a cold training."""
    assert cold.start().starts.point is None
    _, first = warm.advance(warm.start(), 12)
    _, second = cold.advance(cold.start(), 12)
    assert first.loss[0] == pytest.approx(second.loss[0], rel=1e-9)
    assert np.mean(first.solver_steps[3:]) < 0.7 * np.mean(second.solver_steps[3:])
    np.testing.assert_allclose(first.loss, second.loss, rtol=1e-4)


def test_a_solve_and_its_adjoint_begin_at_a_point_where_the_last_ones_of_their_pair_ended():
    """Of a smooth energy, whose solver has no dual variable."""
    pairs, regularizer = images()
    chosen = recipe(regularizer, method=hypergrad.Implicit(), solver=solvers.Lbfgs(), batch=COUNT)
    begun = Trainer(chosen, pairs, regularizer).start()
    assert begun.starts.adjoint.shape == pairs.truths.shape
    np.testing.assert_array_equal(begun.starts.point, pairs.y)
    steps = jax.jit(partial(training_step, chosen))
    index = jnp.arange(COUNT)
    after, _ = steps(begun, index, pairs, begun.starts)
    assert np.any(np.asarray(after.starts.adjoint))
    assert not np.array_equal(after.starts.point, begun.starts.point)
    _, cold = steps(after, index, pairs, begun.starts)
    _, warm = steps(after, index, pairs, after.starts)
    assert float(warm.solver_steps) < float(cold.solver_steps)
    np.testing.assert_allclose(warm.loss, cold.loss, rtol=1e-4)


def test_a_method_that_leaves_no_dual_variable_trains_from_cold_starts():
    """Another library's, whose solutions have no state."""
    pairs, regularizer = signals()
    method = built_in().methods["jaxopt-implicit"]
    chosen = recipe(regularizer, method=method, batch=COUNT)
    begun = Trainer(chosen, pairs, regularizer).start()
    assert begun.starts.point is None
    steps = partial(training_step, chosen)
    after, _ = jax.eval_shape(steps, begun, jnp.arange(COUNT), pairs, begun.starts)
    assert after.starts.point is None


def test_held_out_pairs_whose_solves_failed_have_no_psnr():
    pairs, regularizer = signals()
    exact = Partners(hypergrad.OneStep(), solvers.DualFista())
    psnr, missed = HeldOut(pairs, exact, BUDGET).restored(regularizer)
    assert psnr is not None
    assert 10 < psnr < 40
    assert missed == 0
    assert HeldOut(pairs, exact, solvers.Budget(1, 1e-8)).restored(regularizer) == (None, COUNT)


def test_a_step_whose_solve_failed_is_flagged_and_not_taken():
    skipping = trainer(budget=solvers.Budget(1, 1e-8), patience=5)
    state, measures = skipping.advance(skipping.start(), 9)
    assert (measures.failed == BATCH).all()
    assert not measures.taken.any()
    assert (int(state.ended), int(state.step)) == (STUCK, 5)
    equal(skipping.learned(state), signals()[1])


def test_divergence_ends_the_loop_with_the_last_good_parameters():
    """A step of a failed solve that is taken, of infinite length."""
    diverging = trainer(optax.sgd(jnp.inf), budget=solvers.Budget(1, 1e-8), failed_steps="take")
    state, measures = diverging.advance(diverging.start(), 9)
    assert int(state.ended) == DIVERGED
    np.testing.assert_array_equal(measures.failed, BATCH)
    np.testing.assert_array_equal(measures.taken, [True, False])
    equal(diverging.learned(state), signals()[1])
    again, none = diverging.advance(state, 9)
    assert len(none.loss) == 0
    equal(again, state)


def test_a_weight_that_is_pushed_below_zero_stays_at_zero():
    """Signals without noise are best left alone."""
    pairs, regularizer = signals(weight=1e-3)
    exact = pairs._replace(y=pairs.truths)
    chosen = recipe(
        regularizer, optax.sgd(1.0), parametrization=parametrization(regularizer, learn=["weight"])
    )
    training = Trainer(chosen, exact, regularizer)
    state, measures = training.advance(training.start(), 6)
    assert float(training.learned(state).weight) == 0
    assert measures.taken.all()
    equal(training.learned(state).W, regularizer.W)


METHODS = [
    pytest.param(name, id=name)
    for name, value in built_in().methods.items()
    if built_in().origin_of(value) is not Origin.CONTENDER
]


def partnered(name):
    """The first small problem that a method supports, with its partner; a weight that is far too large."""
    for pairs, regularizer in (signals(weight=0.5), images()):
        lower = problems.LowerLevel(pairs.A, pairs.y[0], regularizer)
        try:
            return pairs, regularizer, partners(built_in(), lower, name, None)
        except UserError:
            continue
    pytest.fail(f"{name} supports neither problem")


@pytest.mark.parametrize("name", METHODS)
def test_ten_steps_lower_the_loss(name):
    pairs, regularizer, (method, solver) = partnered(name)
    few = Pairs(pairs.A, pairs.y[:2], pairs.truths[:2])
    weight = "weight" if hasattr(regularizer, "weight") else "weights"
    every = method.traits.uses_every_step
    chosen = recipe(
        regularizer,
        optax.adam(2e-2),
        method=method,
        solver=solver,
        budget=solvers.Budget(60) if every else BUDGET,
        parametrization=parametrization(regularizer, learn=[weight]),
        batch=2,
    )
    training = Trainer(chosen, few, regularizer)
    state, measures = training.advance(training.start(), 10)
    assert measures.taken.all()
    assert measures.loss[-1] < 0.95 * measures.loss[0]
    assert int(state.ended) == GOING_ON


@pytest.mark.usefixtures("as_users_run")
def test_what_does_not_fit_is_refused_with_a_sentence():
    pairs, regularizer = signals()
    with pytest.raises(ValueError, match="a batch of 7 is more than the 6 pairs"):
        Trainer(recipe(regularizer, batch=7), pairs, regularizer)
    with pytest.raises(ValueError, match="a batch of 3 cannot be shared evenly by 2 devices"):
        Trainer(recipe(regularizer, batch=3), pairs, regularizer, (jax.devices()[0],) * 2)
    with pytest.raises(TypeError, match="no more than a gradient is accepted"):
        Trainer(recipe(regularizer, optax.lbfgs(1e-2)), pairs, regularizer)
    with pytest.raises(ValueError, match="does not apply"):
        Trainer(recipe(regularizer, solver=solvers.Nesterov()), pairs, regularizer).start()
    with pytest.raises(ValueError, match="failed_steps must be one of"):
        recipe(regularizer, failed_steps="leave")
    with pytest.raises(ValueError, match="batch and patience must be at least 1"):
        recipe(regularizer, batch=0)


SEVERAL_DEVICES = """
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from training_problems import recipe, signals
from hypergrad_bench.bench.training.trainer import Trainer

pairs, regularizer = signals()
found = []
for devices in (tuple(jax.devices()[:1]), tuple(jax.devices()[:2])):
    training = Trainer(recipe(regularizer), pairs, regularizer, devices)
    state, measures = training.advance(training.start(), 8)
    found.append((training.learned(state), measures.loss, state.starts))
assert len(jax.devices()) == 2
assert len(jax.tree.leaves(found[1][2])[0].sharding.device_set) == 2
jax.tree.map(lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12), *found)
"""


def test_two_devices_learn_what_one_does(repository):
    """In a process whose processor JAX takes for two devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    path = os.pathsep.join((str(repository / "tests" / "oracles"), *sys.path))
    ran = subprocess.run(
        [sys.executable, "-c", SEVERAL_DEVICES],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
