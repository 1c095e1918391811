"""Energies, operators and proximal maps made of a denoising network."""

import dataclasses
from typing import ClassVar

import denoiser_problems
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from denoiser_problems import EXPLICIT, drawn
from jax.extend.core import jaxprs_in_params

from hypergrad_bench import problems
from hypergrad_bench.hypergrad import random_directions, reference
from hypergrad_bench.hypergrad.references.central_differences import slopes_along
from hypergrad_bench.problems import (
    Deconvolution,
    Denoiser,
    Denoising,
    ImplicitDenoiser,
    Inpainting,
    PlugAndPlay,
)
from hypergrad_bench.problems.networks import SMALL, DnCnn, Drunet
from hypergrad_bench.problems.regularizers.denoisers.steepness import MARGIN, curvature, steepness
from hypergrad_bench.solvers import Budget, GradientDescent, Lbfgs, solve

pytestmark = pytest.mark.optimised

EVERY = (*EXPLICIT, ImplicitDenoiser, PlugAndPlay)
NETWORKS = (
    Drunet(widths=(3, 4), blocks=1, activation="elu"),
    Drunet(channels=3, widths=(3, 4), blocks=2, activation="softplus"),
    DnCnn(depth=3, width=4, activation="softplus"),
)


def normal(shape: tuple[int, ...], seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def made(cls: type, network, sigma: float = 0.1, amount: float = 0.7):
    """A regulariser of a network with random parameters."""
    return cls(Denoiser(drawn(network), jnp.asarray(sigma), network), jnp.asarray(amount))


def image(network, seed: int = 0) -> jax.Array:
    return normal((7, 6) if network.channels == 1 else (7, 6, 3), seed)


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("cls", EXPLICIT)
def test_explicit_gradients_are_those_of_the_energies(cls, network):
    regularizer, x = made(cls, network), image(network)
    automatic = jax.jit(jax.grad(regularizer.value))(x)
    explicit = jax.jit(regularizer.gradient)(x)
    assert float(jnp.linalg.norm(automatic)) > 1e-3
    np.testing.assert_allclose(explicit, automatic, rtol=0, atol=1e-10 * float(jnp.max(jnp.abs(automatic))))


@pytest.mark.parametrize("cls", EXPLICIT)
def test_the_energies_are_what_they_are_said_to_be(cls):
    regularizer, x = made(cls, NETWORKS[0]), image(NETWORKS[0])
    x, N = np.asarray(x), np.asarray(regularizer.denoiser(x))
    expected = {
        problems.GradientStep: 0.35 * np.sum((x - N) ** 2),
        problems.Red: 0.35 * np.vdot(x, x - N),
        problems.ScalarPotential: 0.7 * np.sum(N),
    }[cls]
    assert float(regularizer.value(jnp.asarray(x))) == pytest.approx(expected, rel=1e-12)


@problems.configuration
class Counting:
    """A network that counts how often it is evaluated."""

    inner: Drunet = NETWORKS[0]
    evaluations: ClassVar[list[int]] = []

    @property
    def channels(self):
        return self.inner.channels

    def init(self, seed):
        return self.inner.init(seed)

    def apply(self, parameters, x, sigma):
        self.evaluations.append(1)
        return self.inner.apply(parameters, x, sigma)


def _equations(jaxpr) -> list:
    """All equations, those of inner programs included."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation)
        for inner in jaxprs_in_params(equation.params):
            found += _equations(inner)
    return found


def _convolutions(function, x) -> int:
    names = [one.primitive.name for one in _equations(jax.make_jaxpr(function)(x).jaxpr)]
    return names.count("conv_general_dilated") + names.count("dot_general")


@pytest.mark.parametrize("cls", EXPLICIT)
def test_a_gradient_is_one_evaluation_and_one_product_with_the_jacobian(cls):
    """As many convolutions back as forth, whatever the size, and nothing as large as a Jacobian."""
    regularizer = made(cls, Counting())
    for side in (8, 16):
        x = normal((side, side))
        once = _convolutions(regularizer.denoiser, x)
        assert once == 2 + 2 * 3 + 2
        Counting.evaluations.clear()
        assert _convolutions(regularizer.gradient, x) == 2 * once
        assert len(Counting.evaluations) == 1
        equations = _equations(jax.make_jaxpr(regularizer.gradient)(x).jaxpr)
        largest = max(one.aval.size for equation in equations for one in equation.outvars)
        assert largest <= 6 * x.size < x.size**2


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_maps_without_an_energy(network):
    x = image(network)
    implicit, plugged = made(ImplicitDenoiser, network), made(PlugAndPlay, network)
    N = implicit.denoiser(x)
    np.testing.assert_allclose(implicit.operator(x), 0.7 * (x - N), atol=1e-14)
    np.testing.assert_allclose(plugged.prox(x, jnp.asarray(0.3)), 0.3 * x + 0.7 * N, atol=1e-14)
    assert not hasattr(implicit, "value")
    assert not hasattr(plugged, "value")


def test_a_grey_network_takes_the_channels_of_a_colour_image_one_by_one():
    denoiser = made(problems.Red, NETWORKS[0]).denoiser
    x = normal((6, 5, 3))
    each = jnp.stack([denoiser(x[..., channel]) for channel in range(3)], -1)
    np.testing.assert_allclose(denoiser(x), each, atol=1e-13)


@pytest.mark.parametrize("shape", [(8, 8), (9, 6), (8, 8, 3)])
@pytest.mark.parametrize("cls", EVERY)
def test_float32_stays_float32(cls, shape):
    single = jax.tree.map(lambda leaf: leaf.astype("float32"), cls.initial(shape, 0))
    x = normal(shape).astype("float32")
    for name in ("value", "gradient", "operator"):
        if hasattr(single, name):
            assert jax.eval_shape(getattr(single, name), x).dtype == jnp.float32
    if hasattr(single, "prox"):
        assert jax.eval_shape(single.prox, x, x[0].ravel()[0]).dtype == jnp.float32
    if hasattr(single, "lipschitz"):
        assert jax.eval_shape(lambda: single.lipschitz(shape)).dtype == jnp.float32


@pytest.mark.parametrize("cls", EVERY)
def test_every_parameter_is_a_leaf(cls):
    leaves = jax.tree.leaves(cls.initial((8, 8), 0))
    assert len(leaves) == len(jax.tree.leaves(drawn(SMALL))) + 2


@pytest.mark.parametrize("cls", EVERY)
def test_signals_are_refused(cls):
    with pytest.raises(ValueError, match=r"images \(h, w\) or \(h, w, c\); got shape \(16,\)"):
        cls.initial((16,), 0)


def test_what_is_estimated_is_a_norm():
    """Of linear maps the estimate is the norm, times the margin."""
    matrix = np.asarray(normal((6, 6)))
    symmetric = matrix + matrix.T

    def applied(by):
        return lambda x: (jnp.asarray(by) @ x.ravel()).reshape(x.shape)

    found = [
        curvature(applied(symmetric), (2, 3), jnp.dtype("float64")),
        steepness(applied(matrix), (2, 3), jnp.dtype("float64")),
    ]
    for one, norm in zip(found, (np.linalg.norm(symmetric, 2), np.linalg.norm(matrix, 2)), strict=True):
        assert 0.9 * MARGIN * norm <= float(one) <= MARGIN * norm * (1 + 1e-12)


def _without(parameters):
    return {key: leaf for key, leaf in parameters.items() if key != "tail"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"parameters": _without}, ValueError, r"missing: \['tail'\]\['kernel'\]$"),
        ({"parameters": lambda p: {**p, "a": jnp.ones(1)}}, ValueError, r"unexpected: \['a'\]$"),
        (
            {"parameters": lambda p: {**p, "tail": {"kernel": jnp.ones(2)}}},
            ValueError,
            r"of another shape: \['tail'\]\['kernel'\] \(2,\) instead of \(3, 3, 3, 1\)$",
        ),
        (
            {"parameters": lambda p: {**p, "head": jnp.ones(2, int)}},
            TypeError,
            r"parameters\['head'\] must be a floating",
        ),
        ({"sigma": 0.1}, TypeError, "sigma must be an array; got float"),
        ({"sigma": jnp.ones(2)}, ValueError, r"sigma must be one number, shape \(\); got shape \(2,\)"),
        ({"sigma": jnp.asarray(-0.1)}, ValueError, "sigma must not be negative"),
        ({"network": len}, TypeError, r"network must offer channels, init and apply, as Drunet\(\) does"),
    ],
)
@pytest.mark.usefixtures("as_users_run")
def test_what_does_not_fit_is_named(changes, error, message):
    right = Denoiser(drawn(NETWORKS[0]), jnp.asarray(0.1), NETWORKS[0])
    changed = {key: one(right.parameters) if key == "parameters" else one for key, one in changes.items()}
    with pytest.raises(error, match=message):
        dataclasses.replace(right, **changed)


@pytest.mark.parametrize("cls", EVERY)
@pytest.mark.parametrize(
    ("amount", "message"), [(jnp.ones(2), "must be one number"), (jnp.asarray(-1.0), "must (not )?be")]
)
@pytest.mark.usefixtures("as_users_run")
def test_weights_are_one_number(cls, amount, message):
    with pytest.raises(ValueError, match=message):
        cls(Denoiser(drawn(NETWORKS[0]), jnp.asarray(0.1), NETWORKS[0]), amount)


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize("cls", EVERY)
def test_a_network_alone_is_no_denoiser(cls):
    with pytest.raises(TypeError, match=r"denoiser must be a Denoiser; got Drunet"):
        cls(NETWORKS[0], jnp.asarray(0.5))


def test_a_colour_network_refuses_grey_images():
    with pytest.raises(ValueError, match=r"takes images \(h, w, 3\); got shape \(8, 8\)"):
        made(problems.Red, NETWORKS[1]).value(jnp.ones((8, 8)))


TIGHT = Budget(20_000, 1e-13, 10)
SHAPE = (12, 12)


# A task each; `learned-hypergradients` records every pair.
@pytest.mark.slow  # compiles a network's third derivatives
@pytest.mark.parametrize(
    ("cls", "task"),
    list(
        zip(EVERY, (Deconvolution(), Inpainting(), Denoising(), Inpainting(), Deconvolution()), strict=True)
    ),
)
def test_implicit_derivatives_are_those_of_central_differences(cls, task):
    lower = denoiser_problems.lower_level(cls, task, (8, 8))
    truth = jnp.asarray(denoiser_problems.photograph((8, 8)))
    directions = random_directions(lower, 2, 0, ("y", "regularizer"))

    def outer(x):
        return jnp.mean(jnp.square(x - truth))

    found = jax.jit(lambda lower: reference(lower, outer, directions))(lower)
    assert bool(found.trusted)
    slopes = slopes_along(found.gradient, directions)
    np.testing.assert_allclose(slopes, found.differences.central, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cls", EXPLICIT)
def test_two_solvers_end_in_the_same_stationary_point(cls):
    """Of nonconvex energies this is not certain; of the shipped ones, near a photograph, it is so."""
    lower = denoiser_problems.lower_level(cls, Denoising(), SHAPE)
    ends = [
        jax.jit(lambda lower, solver=solver: solve(solver, TIGHT, lower))(lower)
        for solver in (GradientDescent(), Lbfgs())
    ]
    np.testing.assert_allclose(ends[0].x, ends[1].x, atol=1e-8)
    assert float(jnp.linalg.norm(lower.gradient(ends[0].x))) <= 1e-10
    assert float(lower.value(ends[0].x)) < float(lower.value(lower.y))
