"""The input-convex network: convex, as its formula, and bounded."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from hypergrad_bench.problems import InputConvexNetwork

SHAPES = [(6, 6), (6, 5, 3)]


def _network(shape, seed: int = 0) -> InputConvexNetwork:
    """A start with random biases: without any, much is symmetric."""
    start = InputConvexNetwork.initial(shape, seed)
    biases = 0.3 * np.random.default_rng([seed, 1]).normal(size=(2, start.first_bias.size))
    return dataclasses.replace(start, first_bias=jnp.asarray(biases[0]), second_bias=jnp.asarray(biases[1]))


def _points(shape, count: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(count, *shape))


def _value_by_hand(net: InputConvexNetwork, x: np.ndarray) -> float:
    image = [x] if x.ndim == 2 else list(np.moveaxis(x, -1, 0))

    def correlate(bank, maps):
        return np.stack(
            [
                sum(scipy.signal.correlate2d(m, f, mode="same") for m, f in zip(maps, filters, strict=True))
                for filters in np.asarray(bank)
            ]
        )

    def softplus(t):
        return net.width * np.logaddexp(0, t / net.width)

    def spread(b):
        return np.asarray(b)[:, None, None]

    z = softplus(correlate(net.first, image) + spread(net.first_bias))
    z = softplus(correlate(np.exp(net.mixing), z) + correlate(net.second, image) + spread(net.second_bias))
    return np.sum(np.exp(spread(net.output)) * z) + np.exp(float(net.quadratic)) / 2 * np.sum(x**2)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_value_is_its_formula(shape):
    net, x = _network(shape), _points(shape, 1)[0]
    assert float(net.value(jnp.asarray(x))) == pytest.approx(_value_by_hand(net, x), rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_convex_along_random_segments(shape):
    """The value on a segment lies below the chord, by what the squared norm alone demands."""
    net = _network(shape)
    value = jax.jit(jax.vmap(net.value))
    one, other = _points(shape, 40)[:20], 3 * _points(shape, 40)[20:]
    ends = value(jnp.asarray(one)), value(jnp.asarray(other))
    gap = np.sum((one - other).reshape(20, -1) ** 2, axis=1)
    for t in (0.1, 0.5, 0.8):
        chord = (1 - t) * ends[0] + t * ends[1]
        below = chord - value(jnp.asarray((1 - t) * one + t * other))
        assert np.all(below >= t * (1 - t) / 2 * np.exp(float(net.quadratic)) * gap - 1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_hessians_lie_between_the_squared_norm_and_the_bound(seed):
    net = _network((6, 6), seed)
    hessian = jax.jit(lambda x: jax.jacfwd(net.gradient)(x).reshape(36, 36))
    bound = float(net.lipschitz((6, 6)))
    for scale in (0.0, 0.1, 1.0):
        matrix = np.asarray(hessian(jnp.asarray(scale * _points((6, 6), 1)[0])))
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
        values = np.linalg.eigvalsh(matrix)
        assert values.min() >= np.exp(float(net.quadratic)) - 1e-12
        assert values.max() <= bound


def test_the_bound_is_useful():
    """Within two orders of magnitude of the curvature in the origin, where it is largest."""
    net = InputConvexNetwork.initial((6, 6), 0)
    hessian = np.asarray(jax.jacfwd(net.gradient)(jnp.zeros((6, 6)))).reshape(36, 36)
    assert float(net.lipschitz((6, 6))) <= 100 * np.linalg.norm(hessian, 2)


WRONG = {
    "a colour image for a grey network": (
        lambda: InputConvexNetwork.initial((6, 6), 0).value(jnp.ones((6, 6, 3))),
        ValueError,
        r"for grey images \(h, w\); got shape \(6, 6, 3\)",
    ),
    "a signal": (
        lambda: InputConvexNetwork.initial((6,), 0),
        ValueError,
        r"start on \(h, w\) or \(h, w, 3\)",
    ),
    "no width": (
        lambda: dataclasses.replace(_network((6, 6)), width=0.0),
        ValueError,
        "width must be positive and finite; got 0.0",
    ),
    "even filters": (
        lambda: dataclasses.replace(_network((6, 6)), first=jnp.ones((2, 1, 4, 4))),
        ValueError,
        r"first must have shape \(k, 1 or 3, s, s\) with s odd; got \(2, 1, 4, 4\)",
    ),
    "a mixing of another size": (
        lambda: dataclasses.replace(_network((6, 6)), mixing=jnp.ones((2, 2, 5, 5))),
        ValueError,
        r"mixing must have shape \(16, 16, 5, 5\); got \(2, 2, 5, 5\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
