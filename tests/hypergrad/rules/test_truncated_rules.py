"""Rules that cut a series or the tape: their sums by hand, and the rates that theory predicts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smooth_by_hand import Smooth, compiled, error, exact_gradient, experts, gradient, rate

from hypergrad_bench.hypergrad import (
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Solved,
    TapedMethod,
    Unrolled,
)
from hypergrad_bench.problems import Denoising
from hypergrad_bench.solvers import Budget, GradientDescent, Lbfgs, Nesterov, Neumann

COUNTS = (15, 30, 45)
LONG = Budget(400)


@pytest.fixture(scope="module")
def smooth() -> Smooth:
    """At a solution of gradient descent."""
    return Smooth(GradientDescent())


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    """The gradient through the call."""
    return exact_gradient(experts(Denoising()))


def _series(matrix: np.ndarray, first: np.ndarray, count: int) -> np.ndarray:
    """The sum of matrix^j first over j < count."""
    total = np.zeros(first.size)
    for _ in range(count):
        total = first.ravel() + matrix @ total
    return total.reshape(first.shape)


def test_the_map_contracts_enough_to_be_fitted(smooth):
    assert 0.3 < smooth.rho < 0.9


def test_neumann_falls_like_rho_to_the_terms(smooth):
    errors = []
    for terms in COUNTS:
        found, account = smooth.backward(Implicit(Neumann(terms)), GradientDescent())
        expected = _series(smooth.jacobian, smooth.tau * smooth.g, terms)
        np.testing.assert_allclose(account.adjoint, expected, atol=1e-13)
        assert int(account.steps) == terms
        assert float(account.contraction) == pytest.approx(smooth.rho, rel=0.05)
        errors.append(error(found, smooth.exact))
    assert 1 - rate(COUNTS, errors) == pytest.approx(1 - smooth.rho, rel=0.05)


def test_neumann_on_the_fixed_point_is_the_same_series(smooth):
    of_optimality = smooth.backward(Implicit(Neumann(7)), GradientDescent())[0]
    of_fixed_point = smooth.backward(Implicit(Neumann(7), on="fixed-point"), GradientDescent())[0]
    assert error(of_fixed_point, of_optimality) < 1e-12


@pytest.mark.parametrize("damping", [0.5, 1.0])
def test_phantom_falls_like_the_damped_contraction(smooth, damping):
    damped = (1 - damping) * np.eye(smooth.g.size) + damping * smooth.jacobian
    counts = [round(count / damping) for count in COUNTS]
    errors = []
    for steps in counts:
        found = smooth.backward(Phantom(steps, damping), GradientDescent())[0]
        expected = smooth.paired(_series(damped, damping * smooth.tau * smooth.g, steps))
        assert error(found, expected) < 1e-12
        errors.append(error(found, smooth.exact))
    predicted = np.abs(np.linalg.eigvalsh(damped)).max()
    assert 1 - rate(counts, errors) == pytest.approx(1 - predicted, rel=0.05)


def test_one_undamped_phantom_step_is_one_step(smooth):
    one, other = (smooth.backward(method, GradientDescent())[0] for method in (Phantom(1, 1.0), OneStep()))
    assert error(one, other) < 1e-14


@pytest.mark.parametrize("damping", [0.5, 1.0])
def test_the_account_of_phantom_is_what_its_series_leaves(smooth, damping):
    """The relative residual of the adjoint equation, for a cotangent of any size."""
    damped = (1 - damping) * np.eye(smooth.g.size) + damping * smooth.jacobian
    left = np.linalg.matrix_power(damped, 7) @ smooth.g.ravel()
    method = Phantom(7, damping)
    account = smooth.backward(method, GradientDescent())[1]
    expected = np.linalg.norm(left) / np.linalg.norm(smooth.g)
    assert float(account.residual) == pytest.approx(expected, rel=1e-9)
    g = jnp.asarray(1e-200 * smooth.g)
    tiny = method.backward(Solved(GradientDescent(), Budget(), smooth.lower, smooth.solution), g)[1]
    assert float(tiny.residual) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "method",
    [Unrolled(), ForwardMode(), Unrolled(last=9), Restarted(9)],
    ids=["unrolled", "forward", "last", "restarted"],
)
def test_the_account_of_a_tape_is_what_its_steps_leave(smooth, method):
    """Near a solution the same power of the Jacobian; a start that is forgotten leaves nothing."""

    def account(budget):
        run = compiled(lambda lower: method.account(GradientDescent(), budget, lower, loss).residual)
        return float(run(smooth.lower))

    def loss(x):
        return 1e-200 * jnp.sum(smooth.g * x)

    assert isinstance(method, TapedMethod)
    if method in (Unrolled(), ForwardMode()):
        assert account(Budget(2)) > 0.1
        assert account(LONG) < 1e-12
        return
    left = np.linalg.matrix_power(smooth.jacobian, 9) @ smooth.g.ravel()
    assert account(LONG) == pytest.approx(np.linalg.norm(left) / np.linalg.norm(smooth.g), rel=1e-6)


@pytest.mark.parametrize("method", [Restarted, lambda count: Unrolled(last=count)], ids=["restarted", "last"])
def test_what_is_on_tape_sets_the_rate(smooth, exact, method):
    errors = [
        error(gradient(method(count), GradientDescent(), LONG, smooth.lower), exact) for count in COUNTS
    ]
    # The derivative by a state that is held falls like rho^k; k rho^(k-1) is a bound where it is not.
    assert 1 - rate(COUNTS, errors) == pytest.approx(1 - smooth.rho, rel=0.05)
    assert not method(5).traits.exact


def test_every_block_of_restarted_serves_the_iterate(smooth):
    layers, blocks = 5, (4, 6, 8)
    errors = [
        error(
            compiled(lambda lower, n=n: Restarted(layers)(GradientDescent(), Budget(n * layers), lower).x)(
                smooth.lower
            ),
            smooth.solution.x,
        )
        for n in blocks
    ]
    # The start has the solution's mean, so that the slowest mode, the constant image, is not excited.
    values, modes = np.linalg.eigh(smooth.jacobian)
    excited = modes.T @ np.ravel(smooth.lower.y - smooth.solution.x)
    slowest = values[np.abs(excited) > 1e-6].max()
    assert slowest < 0.95 * smooth.rho
    assert rate(blocks, errors) == pytest.approx(slowest**layers, rel=0.1)


def test_restarted_drops_momentum_between_blocks(smooth):
    solver, lower, layers = Nesterov(), smooth.lower, 4
    found = compiled(lambda lower: Restarted(layers)(solver, Budget(3 * layers + 2), lower).x)(lower)

    def by_hand(lower):
        state = solver.init(lower)
        for count in (2, layers, layers, layers):
            for _ in range(count):
                state = solver.step(lower, state)
            fresh = solver.init(lower)
            x = solver.iterate(lower, state)
            state = jax.tree.map(lambda old, x=x: x if old.shape == x.shape else old, fresh)
        return solver.iterate(lower, state)

    np.testing.assert_allclose(found, compiled(by_hand)(lower), atol=1e-14)
    without = compiled(lambda lower: Unrolled()(solver, Budget(3 * layers + 2), lower).x)(lower)
    assert error(found, without) > 1e-6


def test_one_block_is_unrolling_and_one_layer_is_one_step(smooth):
    budget = Budget(12)
    block, unrolled, all_taped = (
        gradient(method, Nesterov(), budget, smooth.lower)
        for method in (Restarted(12), Unrolled(), Unrolled(last=50))
    )
    assert error(block, unrolled) < 1e-13
    assert error(all_taped, unrolled) < 1e-13
    # At a converged state the step that starts from the last one is the last one.
    layer, step = (
        gradient(method, GradientDescent(), Budget(400, 0.0), smooth.lower)
        for method in (Restarted(1), OneStep())
    )
    assert error(layer, step) < 1e-10


@pytest.mark.parametrize("method", [Phantom(), Restarted(), Unrolled(last=3)], ids=repr)
def test_a_step_that_reverse_mode_cannot_cross_is_refused(smooth, method):
    with pytest.raises(ValueError, match="Lbfgs's step holds a loop that reverse mode cannot cross"):
        method(Lbfgs(), Budget(), smooth.lower)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Phantom(0), "steps must be at least 1 and damping in"),
        (lambda: Phantom(damping=0.0), "got 5 and 0.0"),
        (lambda: Phantom(damping=1.1), "got 5 and 1.1"),
        (lambda: Restarted(0), "layers must be at least 1; got 0"),
        (lambda: Unrolled(last=0), "last must be None or at least 1; got 0"),
        (lambda: Unrolled(-1), "checkpoint_every must be None, 'recursive' or at least 1; got -1"),
    ],
)
def test_limits(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_block_is_unrolling_by_the_measurement_too():
    """Nothing precedes a single block, so that the start's own dependence on y belongs to it."""
    lower, budget = experts(Denoising()), Budget(9, 0.0)

    def slope(method):
        def loss(y):
            return jnp.sum(method(GradientDescent(), budget, lower.replace(y=y)).x ** 3)

        return jax.grad(loss)(lower.y)

    np.testing.assert_allclose(slope(Restarted(9)), slope(Unrolled()), rtol=1e-12)
    assert float(jnp.linalg.norm(slope(Restarted(4)) - slope(Unrolled()))) > 1e-6
