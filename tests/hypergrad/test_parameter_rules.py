"""Rules that move one parameter after the other: whom they move, what they cost, how far off they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from l1_problems import signal
from smooth_by_hand import compiled, error, experts, flat, gradient

from hypergrad_bench.hypergrad import ClosedForm, FiniteDifference, ForwardMode, Spsa, Unrolled
from hypergrad_bench.hypergrad.parameter_rule import basis
from hypergrad_bench.hypergrad.rules import finite_difference, forward_mode
from hypergrad_bench.problems import AnalysisL1, Denoising, LowerLevel
from hypergrad_bench.solvers import Budget, DualFista, Lbfgs

BUDGET = Budget(5000, 1e-12, 20)


@pytest.fixture(scope="module")
def lower() -> LowerLevel:
    """Denoising of six samples by differences."""
    return signal(Denoising(), 0, 6)


@pytest.fixture(scope="module")
def exact(lower) -> np.ndarray:
    """The closed form's gradient by the regulariser."""
    return gradient(ClosedForm(), DualFista(), BUDGET, lower)


@pytest.mark.parametrize(
    ("method", "module"), [(FiniteDifference(), finite_difference), (ForwardMode(), forward_mode)], ids=repr
)
def test_leaves_by_which_nobody_differentiates_are_not_perturbed(method, module, lower, monkeypatch):
    seen = []

    def counted(lower, perturbed):
        directions, slices = basis(lower, perturbed)
        seen.append(len(jax.tree.leaves(directions)[0]))
        return directions, slices

    monkeypatch.setattr(module, "basis", counted)

    def loss(lower):
        return jnp.sum(method(DualFista(), Budget(20, 1e-6), lower).x)

    jax.eval_shape(jax.grad(lambda y: loss(lower.replace(y=y))), lower.y)
    jax.eval_shape(jax.grad(loss), lower)
    assert seen == [lower.y.size, flat(lower).size]
    assert flat(lower).size > lower.y.size


def test_the_number_of_solves_is_twice_the_number_of_parameters(lower):
    solves = []

    def loss(y):
        return jnp.sum(FiniteDifference()(Counting(), Budget(1, 0.0), lower.replace(y=y)).x)

    Counting.seen = lambda: solves.append(1)
    jax.block_until_ready(jax.grad(loss)(lower.y))
    jax.effects_barrier()
    # One forward, and one on each side of every entry of y.
    assert len(solves) == 1 + 2 * lower.y.size


class Counting:
    """DualFista that tells when it begins."""

    seen = staticmethod(lambda: None)
    traits = DualFista.traits
    supports = staticmethod(DualFista().supports)
    step = staticmethod(DualFista().step)
    iterate = staticmethod(DualFista().iterate)
    residual = staticmethod(DualFista().residual)

    def init(self, lower):
        """Tell, and begin."""
        jax.debug.callback(type(self).seen)
        return DualFista().init(lower)


def test_forward_mode_is_unrolling(lower):
    steps = Budget(30, 0.0)
    forward, reverse = (gradient(method, DualFista(), steps, lower) for method in (ForwardMode(), Unrolled()))
    assert error(forward, reverse) < 1e-13
    batched = gradient(ForwardMode(at_once=1), DualFista(), steps, lower)
    assert error(batched, reverse) < 1e-13


def test_memory_of_forward_mode_does_not_grow_with_the_steps(lower):
    def size(method, steps):
        def loss(regularizer):
            return jnp.sum(method(DualFista(), Budget(steps, 0.0), lower.replace(regularizer=regularizer)).x)

        return jax.jit(jax.grad(loss)).lower(lower.regularizer).compile().memory_analysis().temp_size_in_bytes

    assert size(ForwardMode(), 1000) == size(ForwardMode(), 50)
    assert size(Unrolled(), 1000) > size(Unrolled(), 50)


def test_the_error_of_differences_falls_with_the_square_of_the_step(lower, exact):
    errors = [
        error(gradient(FiniteDifference(step), DualFista(), BUDGET, lower), exact) for step in (4e-3, 1e-3)
    ]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2), errors
    assert not FiniteDifference(1e-3).traits.exact
    assert FiniteDifference().traits.exact


def test_the_default_step_balances_both_errors(lower, exact):
    assert error(gradient(FiniteDifference(), DualFista(), BUDGET, lower), exact) < 1e-6


def test_spsa_is_as_far_off_as_theory_says_and_fixed_by_its_seed(lower, exact):
    samples = 64
    one, other, again = (gradient(Spsa(samples, seed=seed), DualFista(), BUDGET, lower) for seed in (0, 1, 0))
    np.testing.assert_array_equal(again, one)
    # The theory holds for parameters of one size: each leaf's in units of its root mean square.
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(lower.regularizer)]
    units = np.concatenate([np.full(leaf.size, np.sqrt(np.mean(leaf**2))) for leaf in leaves])
    one, other, exact = units * one, units * other, units * exact
    assert error(other, one) > 1e-3
    predicted = np.sqrt((exact.size - 1) / samples)
    measured = np.sqrt(np.mean([error(draw, exact) ** 2 for draw in (one, other)]))
    assert 0.6 * predicted < measured < 1.6 * predicted
    # An unbiased draw has the exact gradient as its mean: together the two are closer.
    assert error((one + other) / 2, exact) < max(error(one, exact), error(other, exact))


def test_steps_with_a_loop_are_refused():
    lower = experts(Denoising())
    with pytest.raises(ValueError, match="Lbfgs's step holds a loop, across which tangents need not settle"):
        ForwardMode()(Lbfgs(), Budget(), lower)
    for method in (FiniteDifference(), Spsa()):
        assert method.supports(Lbfgs(), lower) is None


def test_everything_is_held_where_nobody_differentiates(lower):
    for method in (FiniteDifference(), ForwardMode(), Spsa()):
        slope = compiled(jax.grad(lambda t, m=method: t * m(DualFista(), Budget(20), lower).x[0]))(1.0)
        assert np.isfinite(slope)


@pytest.mark.parametrize("method", [FiniteDifference(), ForwardMode(), Spsa(samples=2)], ids=repr)
def test_a_python_number_as_weight(method, lower):
    """As `jax.grad(f)(0.3)` passes it; one parameter, so that Spsa is exact too."""
    budget = Budget(400, 0.0)

    def loss(weight, method=method):
        regularizer = AnalysisL1(lower.regularizer.W, weight)
        return jnp.sum(method(DualFista(), budget, lower.replace(regularizer=regularizer)).x ** 2)

    exact = float(jax.jit(jax.grad(lambda w: loss(w, ClosedForm())))(0.3))
    assert float(jax.grad(loss)(0.3)) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FiniteDifference(0.0), "step must be None or positive; got 0.0"),
        (lambda: ForwardMode(0), "at_once must be at least 1; got 0"),
        (lambda: Spsa(0), "samples must be at least 1 and step None or positive; got 0 and None"),
        (lambda: Spsa(step=-1.0), "got 16 and -1.0"),
    ],
)
def test_limits(make, message):
    with pytest.raises(ValueError, match=message):
        make()
