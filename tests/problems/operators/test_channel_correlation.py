"""Correlations of several channels, in all their forms, against a plain sum: derivatives and batches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems.operators import correlation, correlation_product, correlation_tiles
from hypergrad_bench.problems.operators.channel_correlation import correlate_within, spread_within
from hypergrad_bench.problems.operators.correlation_tiles import cut

FORMS = {
    "convolution": (10**9, 2**21, 2**23),
    "product": (0, 2**21, 2**23),
    "a row a tile": (0, 1, 2**23),
    "tiles that do not divide": (0, 9000, 2**23),
    "blocks": (0, 9000, 3000),
}
CASES = [(1, 4, 3, (9, 8)), (4, 3, 3, (12, 7)), (3, 5, 5, (8, 13)), (2, 2, 1, (6, 6))]
BATCHES = [(None, 0), (0, None), (0, 0), (1, 2)]


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    small, tile, block = FORMS[request.param]
    monkeypatch.setattr(correlation, "SMALL", small)
    monkeypatch.setattr(correlation_tiles, "TILE_BYTES", tile)
    monkeypatch.setattr(correlation_product, "BLOCK_BYTES", block)
    jax.clear_caches()
    yield request.param
    jax.clear_caches()


def _normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def plain(filters, x):
    size, (_, height, width) = filters.shape[-1], x.shape
    padded = jnp.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    return sum(
        jnp.einsum("kc,cij->kij", filters[:, :, a, b], padded[:, a : a + height, b : b + width])
        for a in range(size)
        for b in range(size)
    )


def plain_adjoint(filters, r):
    image = jnp.zeros((filters.shape[1], *r.shape[1:]), r.dtype)
    return jax.vjp(lambda x: plain(filters, x), image)[1](r)[0]


def assert_close(found, expected, tolerance=1e-12):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def _derivatives(forward, adjoint, case):
    count, channels, size, shape = case
    F, dF = _normal(0, count, channels, size, size), _normal(1, count, channels, size, size)
    x, dx = _normal(2, channels, *shape), _normal(3, channels, *shape)
    r, dr = _normal(4, count, *shape), _normal(5, count, *shape)

    def every():
        out, pull = jax.vjp(forward, F, x)
        back, push = jax.vjp(adjoint, F, r)
        return (
            (jax.jvp(forward, (F, x), (dF, dx)), pull(r)),
            (jax.jvp(adjoint, (F, r), (dF, dr)), push(x)),
            (jnp.vdot(out, r), jnp.vdot(x, back)),
        )

    return jax.jit(every)()


@functools.cache
def _plain_derivatives(case):
    """What no form changes."""
    return _derivatives(plain, plain_adjoint, case)


@pytest.mark.parametrize("case", CASES)
def test_both_maps_and_their_derivatives(form, case):
    found = _derivatives(correlate_within, spread_within, case)
    assert_close(found, _plain_derivatives(case))
    assert float(found[2][0]) == pytest.approx(float(found[2][1]), rel=1e-11)


def _second(forward, adjoint, axes):
    F = _normal(0, 3, 2, 3, 3) if axes[0] is None else _normal(0, 3, 4, 2, 3, 3).swapaxes(1, axes[0])
    x = _normal(1, 2, 6, 7) if axes[1] is None else jnp.moveaxis(_normal(1, 4, 2, 6, 7), 0, axes[1])

    def mixed(F, x):
        def energy(F, x):
            return jnp.sum(jnp.sin(adjoint(F, jnp.tanh(forward(F, x)))))

        return jax.grad(lambda F: jnp.vdot(jax.grad(energy, 1)(F, x), jnp.cos(x)))(F)

    return jax.jit(jax.vmap(mixed, axes))(F, x)


@functools.cache
def _plain_second(axes):
    """What no form changes."""
    return _second(plain, plain_adjoint, axes)


@pytest.mark.parametrize("axes", BATCHES)
def test_batches_of_second_derivatives(form, axes):
    assert_close(_second(correlate_within, spread_within, axes), _plain_second(axes))


@pytest.mark.parametrize("axes", BATCHES)
def test_a_batch_in_a_loop_in_single_precision(form, axes):
    F = 0.2 * (_normal(0, 3, 2, 3, 3) if axes[0] is None else _normal(0, 3, 6, 2, 3, 3).swapaxes(1, axes[0]))
    x = _normal(1, 2, 6, 7) if axes[1] is None else jnp.moveaxis(_normal(1, 6, 2, 6, 7), 0, axes[1])
    F, x = F.astype(jnp.float32), x.astype(jnp.float32)

    def run(forward, adjoint):
        def descend(F, x):
            def step(state):
                return state[0] + 1, state[1] - 0.1 * adjoint(F, jnp.tanh(forward(F, state[1])))

            return jax.lax.while_loop(lambda s: s[0] < 3, step, (jnp.int32(0), x))[1]

        return jax.vmap(descend, axes)(F, x)

    found = run(correlate_within, spread_within)
    assert found.dtype == jnp.float32
    assert_close(found, run(plain, plain_adjoint), 1e-5)


@pytest.mark.parametrize("shape", [(31, 33), (32, 32)])
def test_both_sides_of_the_size_that_decides(shape):
    """1023 and 1024 pixels, each with the form that it gets and the operands that users give."""
    F, x = _normal(0, 3, 2, 3, 3), _normal(1, 2, *shape)
    text = jax.jit(lambda F, x: correlation.correlate_channels(F, x)).lower(F, x).compile().as_text()
    assert (" convolution(" in text) == (shape == (31, 33))
    assert_close(correlate_within(F, x), plain(F, x))
    r = _normal(2, 3, *shape)
    assert_close(spread_within(F, r), plain_adjoint(F, r))


@pytest.mark.parametrize(
    ("number", "height", "row_bytes", "images", "rows"),
    [
        (1, 64, 2**15, 1, 32),
        (1, 65, 2**15, 1, 33),
        (1, 1, 2**30, 1, 1),
        (8, 64, 2**15, 1, 64),
        (8, 65, 2**15, 1, 33),
        (8, 64, 2**13, 4, 64),
        (6, 64, 2**13, 3, 64),
        (7, 64, 2**13, 1, 64),
        (8, 64, 2**30, 1, 1),
    ],
)
def test_tiles_cover_the_batch_within_their_bytes(number, height, row_bytes, images, rows):
    tiles = cut(number, height, row_bytes)
    assert (tiles.images, tiles.rows) == (images, rows)
    covered = np.zeros((number, height), int)
    for tile in range(tiles.total):
        image, row = tiles.start(tile)
        row = min(row, height - tiles.rows)
        covered[image : image + images, row : row + rows] += 1
    assert covered.min() == 1
