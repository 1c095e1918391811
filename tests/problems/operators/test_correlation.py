"""Both forms of the correlations against a plain sum, with every derivative, batch and loop."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import FilterBank
from hypergrad_bench.problems.operators import correlation, correlation_product, correlation_tiles

PAD = {"circular": "wrap", "zero": "constant", "reflect": "reflect"}
CASES = [
    (boundary, size, shape)
    for boundary in PAD
    for size, shape in ((1, (4, 5)), (2, (7, 6)), (3, (9, 5)), (5, (8, 11)), (6, (7, 7)))
]


@pytest.fixture(params=["product", "product in tiles", "product in tiles and blocks", "convolution"])
def form(request, monkeypatch):
    monkeypatch.setattr(correlation, "SMALL", 10**9 if request.param == "convolution" else 0)
    if "tiles" in request.param:
        monkeypatch.setattr(correlation_tiles, "TILE_BYTES", 1000)
    if "blocks" in request.param:
        monkeypatch.setattr(correlation_product, "BLOCK_BYTES", 1000)
    jax.clear_caches()
    yield request.param
    jax.clear_caches()


def _normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def plain(filters, x, boundary="circular"):
    size, (height, width) = filters.shape[1], x.shape
    padded = jnp.pad(x, ((size - 1) // 2, size // 2), mode=PAD[boundary])
    return sum(
        filters[:, a, b][:, None, None] * padded[None, a : a + height, b : b + width]
        for a in range(size)
        for b in range(size)
    )


def plain_adjoint(filters, r, boundary="circular"):
    return jax.vjp(lambda x: plain(filters, x, boundary), jnp.zeros(r.shape[1:], r.dtype))[1](r)[0]


def assert_close(found, expected, tolerance=1e-12):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def _derivatives(forward, adjoint, size, shape):
    """Both maps with every first derivative, and the signals at which they are."""
    count = 1 if size == 2 else 3
    F, dF, x, dx = (
        _normal(0, count, size, size),
        _normal(1, count, size, size),
        _normal(2, *shape),
        _normal(3, *shape),
    )
    r, dr = _normal(4, count, *shape), _normal(5, count, *shape)

    def every():
        out, pull = jax.vjp(forward, F, x)
        back, push = jax.vjp(adjoint, F, r)
        return (
            (jax.jvp(forward, (F, x), (dF, dx)), pull(r)),
            (jax.jvp(adjoint, (F, r), (dF, dr)), push(x), out, back),
        )

    return jax.jit(every)(), x, r


@functools.cache
def _plain_derivatives(boundary, size, shape):
    """What no form changes."""
    return _derivatives(
        lambda F, x: plain(F, x, boundary), lambda F, r: plain_adjoint(F, r, boundary), size, shape
    )[0]


@pytest.mark.parametrize(("boundary", "size", "shape"), CASES)
def test_forward_adjoint_and_their_derivatives(form, boundary, size, shape):
    found, x, r = _derivatives(
        lambda F, x: FilterBank(F, boundary)(x),
        lambda F, r: FilterBank(F, boundary).adjoint(r),
        size,
        shape,
    )
    assert_close(found, _plain_derivatives(boundary, size, shape))
    assert float(jnp.vdot(found[1][2], r)) == pytest.approx(float(jnp.vdot(x, found[1][3])), rel=1e-11)


def _energy(forward, adjoint):
    return lambda F, x: jnp.sum(jnp.sin(adjoint(F, jnp.tanh(forward(F, x)))))


OURS = _energy(lambda F, x: FilterBank(F)(x), lambda F, r: FilterBank(F).adjoint(r))
PLAIN = _energy(plain, plain_adjoint)


def _second(energy, axes):
    F = _normal(0, 2, 3, 3) if axes[0] is None else _normal(0, 2, 4, 3, 3).swapaxes(0, 1 - axes[0])
    x = _normal(1, 6, 7) if axes[1] is None else jnp.moveaxis(_normal(1, 4, 6, 7), 0, axes[1])

    def mixed(F, x):
        return jax.grad(lambda F: jnp.vdot(jax.grad(energy, 1)(F, x), jnp.cos(x)))(F)

    return jax.jit(jax.vmap(mixed, axes))(F, x)


@functools.cache
def _plain_second(axes):
    """What no form changes."""
    return _second(PLAIN, axes)


@pytest.mark.parametrize("axes", [(None, 0), (0, None), (0, 0), (1, 2)])
def test_batches_of_second_derivatives(form, axes):
    assert_close(_second(OURS, axes), _plain_second(axes))


def test_in_a_loop_in_single_precision(form):
    F, x = (0.2 * _normal(0, 2, 5, 5)).astype(jnp.float32), _normal(1, 3, 9, 10).astype(jnp.float32)

    def run(forward, adjoint):
        def step(state):
            return state[0] + 1, state[1] - 0.1 * adjoint(F, jnp.tanh(forward(F, state[1])))

        return jax.vmap(lambda x: jax.lax.while_loop(lambda s: s[0] < 3, step, (jnp.int32(0), x))[1])(x)

    found = run(lambda F, x: FilterBank(F)(x), lambda F, r: FilterBank(F).adjoint(r))
    assert found.dtype == jnp.float32
    assert_close(found, run(plain, plain_adjoint), 1e-5)


def test_operands_of_two_dtypes_are_refused():
    with pytest.raises(TypeError, match="correlate needs operands of one dtype; got float64 and float32"):
        FilterBank(jnp.ones((1, 2, 2)))(jnp.ones((4, 4), jnp.float32))
