"""The networks against sums written by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from denoiser_problems import drawn

from hypergrad_bench.problems.networks import DnCnn, Drunet, Network
from hypergrad_bench.problems.networks.convolution import _convolution, _product
from hypergrad_bench.problems.networks.layers import ACTIVATIONS, Double, Halve, ResidualBlock

pytestmark = pytest.mark.optimised

SMALL = Drunet(widths=(3, 4, 5), blocks=2)


def normal(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def correlated(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate (h, w, i) with (3, 3, i, o), zeros outside, entry by entry."""
    height, width, _ = x.shape
    out = np.zeros((height, width, kernel.shape[-1]))
    for i, j, a, b in itertools.product(range(height), range(width), range(3), range(3)):
        row, column = i + a - 1, j + b - 1
        if 0 <= row < height and 0 <= column < width:
            out[i, j] += x[row, column] @ kernel[a, b]
    return out


def activated(name: str, x: np.ndarray) -> np.ndarray:
    return {
        "relu": lambda: np.maximum(x, 0),
        "elu": lambda: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
        "softplus": lambda: np.log1p(np.exp(x)),
    }[name]()


def halved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    out = np.zeros((x.shape[0] // 2, x.shape[1] // 2, kernel.shape[-1]))
    for i, j, a, b in itertools.product(range(out.shape[0]), range(out.shape[1]), range(2), range(2)):
        out[i, j] += x[2 * i + a, 2 * j + b] @ kernel[a, b]
    return out


def doubled(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    out = np.zeros((2 * x.shape[0], 2 * x.shape[1], kernel.shape[-1]))
    for i, j, a, b in itertools.product(range(x.shape[0]), range(x.shape[1]), range(2), range(2)):
        out[2 * i + a, 2 * j + b] = x[i, j] @ kernel[a, b]
    return out


def block(name: str, parameters, x: np.ndarray) -> np.ndarray:
    first, second = (np.asarray(parameters[key]["kernel"]) for key in ("first", "second"))
    return x + correlated(activated(name, correlated(x, first)), second)


@pytest.mark.parametrize("form", [_product, _convolution])
def test_both_forms_of_the_convolution_are_the_sum(form):
    x, kernel = normal((5, 4, 2)), normal((3, 3, 2, 3), 1)
    np.testing.assert_allclose(
        form(jnp.asarray(x)[None], jnp.asarray(kernel))[0], correlated(x, kernel), atol=1e-13
    )


def test_both_forms_have_the_same_derivatives():
    x, kernel = jnp.asarray(normal((1, 6, 5, 2))), jnp.asarray(normal((3, 3, 2, 3), 1))

    def derivatives(form):
        def slope(x, kernel):
            return jax.grad(lambda *a: jnp.sum(jnp.sin(form(*a))), (0, 1))(x, kernel)

        return jax.jit(lambda *a: jax.jvp(slope, a, (jnp.cos(x), jnp.cos(kernel))))(x, kernel)

    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, atol=1e-11),
        derivatives(_product),
        derivatives(_convolution),
    )


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_a_residual_block_is_the_sum(activation):
    x = normal((4, 5, 3))
    module = ResidualBlock(activation)
    parameters = jax.tree.map(
        lambda leaf: jnp.asarray(normal(leaf.shape, 2)),
        module.init(jax.random.key(0), jnp.asarray(x, jnp.float32)[None])["params"],
    )
    found = module.apply({"params": parameters}, jnp.asarray(x)[None])[0]
    np.testing.assert_allclose(found, block(activation, parameters, x), atol=1e-12)


@pytest.mark.parametrize(("module", "by_hand"), [(Halve(4), halved), (Double(4), doubled)])
def test_what_changes_the_size_is_the_sum(module, by_hand):
    x, kernel = normal((4, 6, 3)), normal((2, 2, 3, 4), 1)
    found = module.apply({"params": {"kernel": jnp.asarray(kernel)}}, jnp.asarray(x)[None])[0]
    np.testing.assert_allclose(found, by_hand(x, kernel), atol=1e-13)


def test_doubling_is_the_transpose_of_halving():
    x, r, kernel = normal((4, 6, 3)), normal((2, 3, 4), 1), normal((2, 2, 3, 4), 2)
    back = doubled(r, kernel.transpose(0, 1, 3, 2))
    assert np.vdot(halved(x, kernel), r) == pytest.approx(np.vdot(x, back), rel=1e-12)
    swapped = {"params": {"kernel": jnp.asarray(kernel.transpose(0, 1, 3, 2))}}
    np.testing.assert_allclose(Double(3).apply(swapped, jnp.asarray(r)[None])[0], back, atol=1e-13)


def test_drunet_is_its_layers_in_order():
    p = drawn(SMALL)
    x = normal((8, 4))

    def kernel(name):
        return np.asarray(p[name]["kernel"])

    def in_blocks(name, first, z):
        return block("relu", p[f"{name}_{first + 1}"], block("relu", p[f"{name}_{first}"], z))

    head = correlated(np.stack([x, np.full_like(x, 0.3)], -1), kernel("head"))
    fine = halved(in_blocks("down1", 0, head), kernel("down1_2"))
    coarse = halved(in_blocks("down2", 0, fine), kernel("down2_2"))
    z = doubled(in_blocks("body", 0, coarse) + coarse, kernel("up2_0"))
    z = doubled(in_blocks("up2", 1, z) + fine, kernel("up1_0"))
    out = correlated(in_blocks("up1", 1, z) + head, kernel("tail"))[..., 0]
    np.testing.assert_allclose(SMALL.apply(p, jnp.asarray(x), jnp.asarray(0.3)), out, atol=1e-12)


def test_drunet_has_the_published_size():
    """Grey: 32,638,656 parameters; colour has a channel more at each end, for two."""
    counts = []
    for network in (Drunet(), Drunet(channels=3)):
        shapes = jax.eval_shape(lambda network=network: network.init(0))
        counts.append(sum(leaf.size for leaf in jax.tree.leaves(shapes)))
    assert counts == [32_638_656, 32_638_656 + 4 * 9 * 64]


def test_sides_that_do_not_fit_are_continued_with_their_last_pixels():
    p, x = drawn(SMALL), normal((6, 7))
    continued = np.pad(x, [(0, 2), (0, 1)], mode="edge")
    whole = SMALL.apply(p, jnp.asarray(continued), jnp.asarray(0.1))
    np.testing.assert_allclose(SMALL.apply(p, jnp.asarray(x), jnp.asarray(0.1)), whole[:6, :7], atol=1e-13)


def test_drunet_with_relu_scales_with_image_and_noise():
    p, x = drawn(SMALL), jnp.asarray(normal((8, 8)))
    once = SMALL.apply(p, x, jnp.asarray(0.2))
    np.testing.assert_allclose(SMALL.apply(p, 3 * x, jnp.asarray(0.6)), 3 * once, atol=1e-12)


def test_the_noise_level_matters_and_may_be_a_map():
    p, x = drawn(SMALL), jnp.asarray(normal((8, 8)))
    once = SMALL.apply(p, x, jnp.asarray(0.2))
    np.testing.assert_array_equal(SMALL.apply(p, x, jnp.full((8, 8), 0.2)), once)
    assert float(jnp.max(jnp.abs(SMALL.apply(p, x, jnp.asarray(0.4)) - once))) > 1e-6


def test_dncnn_is_its_layers_in_order():
    network = DnCnn(depth=3, width=2, activation="elu")
    p = drawn(network)
    x = normal((4, 5))
    z = x[..., None]
    for index in range(3):
        z = correlated(z, np.asarray(p[f"layer{index}"]["kernel"])) + np.asarray(p[f"layer{index}"]["bias"])
        z = activated("elu", z) if index < 2 else z
    found = network.apply(p, jnp.asarray(x), jnp.asarray(0.1))
    np.testing.assert_allclose(found, x - z[..., 0], atol=1e-12)


@pytest.mark.parametrize("network", [Drunet(widths=(2, 3), blocks=1), DnCnn(depth=2, width=2)], ids=repr)
def test_a_network_is_a_value(network):
    again = type(network)(**vars(network))
    assert isinstance(network, Network)
    assert network == again
    assert hash(network) == hash(again)
    leaves = jax.tree.leaves(network.init(3))
    assert {leaf.dtype.name for leaf in leaves} == {"float64"}
    for one, other in zip(leaves, jax.tree.leaves(again.init(3)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("network", [Drunet(3, (2, 3), 1), DnCnn(3, 3, 4)], ids=repr)
def test_colour_images_keep_shape_and_precision(network, dtype):
    p = jax.tree.map(lambda leaf: leaf.astype(dtype), drawn(network))
    out = network.apply(p, jnp.asarray(normal((5, 7, 3)), dtype), jnp.asarray(0.1, dtype))
    assert (out.shape, out.dtype.name) == ((5, 7, 3), dtype)


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (SMALL, (8, 8, 3), r"takes images \(h, w\) or \(h, w, 1\); got shape \(8, 8, 3\)"),
        (Drunet(3, (2,), 1), (8, 8), r"takes images \(h, w, 3\); got shape \(8, 8\)"),
        (DnCnn(3, 2, 1), (8, 8, 4), r"takes images \(h, w, 3\); got shape \(8, 8, 4\)"),
        (SMALL, (8,), r"x must have shape \(h, w\) or \(h, w, 1\); got shape \(8,\)"),
    ],
)
def test_other_channels_are_refused(network, shape, message):
    with pytest.raises(ValueError, match=message):
        network.apply(drawn(network), jnp.zeros(shape), jnp.asarray(0.1))


def test_a_noise_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(\) or \(8, 8\); got shape \(8,\)"):
        SMALL.apply(drawn(SMALL), jnp.zeros((8, 8)), jnp.zeros(8))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Drunet(channels=0), "channels must be a whole number, at least 1; got 0"),
        (lambda: Drunet(widths=()), "a width per scale; got"),
        (lambda: Drunet(widths=(8, 0)), "every width must be a whole number, at least 1; got 0"),
        (lambda: Drunet(blocks=0), "blocks must be a whole number"),
        (lambda: Drunet(activation="tanh"), r"one of \('relu', 'elu', 'softplus'\); got 'tanh'"),
        (lambda: DnCnn(depth=1), "depth must be a whole number, at least 2; got 1"),
        (lambda: DnCnn(width=0), "width must be a whole number"),
    ],
)
@pytest.mark.usefixtures("as_users_run")
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
