"""Norms of groups: isotropic total variation by scikit-image, gradients by differences, formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.restoration import denoise_tv_chambolle

from hypergrad_bench.bench.contenders import JaxoptImplicit
from hypergrad_bench.hypergrad import Checked, ClosedForm, Implicit, SupportReduced, Unrolled
from hypergrad_bench.problems import (
    AnalysisL12,
    Blur,
    FilterBank,
    ForwardDifferences,
    Identity,
    LowerLevel,
    total_variation,
)
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, DualFista, Outcome, PrimalDual, certify, solve

BUDGET = Budget(20_000, 1e-12, 20)
GREY, COLOUR = (5, 4), (4, 3, 3)


def rough(shape: tuple[int, ...]) -> np.ndarray:
    noise = 0.3 * np.random.default_rng(len(shape)).normal(size=shape)
    return np.cumsum(np.cumsum(noise, axis=0), axis=1)


@pytest.mark.parametrize(
    ("shape", "solver"),
    [(GREY, DualFista()), (GREY, PrimalDual()), (GREY, Admm()), (COLOUR, DualFista())],
    ids=str,
)
def test_solutions_are_those_of_scikit_image(shape, solver):
    """Its iteration (Chambolle, 2004) is another one; channels are denoised one by one."""
    channels = -1 if shape == COLOUR else None
    expected = denoise_tv_chambolle(rough(shape), 0.2, eps=0.0, max_num_iter=5000, channel_axis=channels)
    lower = LowerLevel(Identity(), jnp.asarray(rough(shape)), total_variation(0.2, isotropic=True))
    found = solve(solver, BUDGET, lower)
    np.testing.assert_allclose(found.x, expected, atol=1e-8)
    assert int(found.certificate.ambiguous) == 0
    assert 0 < int(found.certificate.active_size) < 2 * expected.size


def test_values_with_maps_of_weights():
    x, weight = rough((4, 5, 3)), np.random.default_rng(0).uniform(0.1, 1, (4, 5))
    differences = np.zeros((2, 4, 5, 3))
    differences[0, :-1], differences[1, :, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    norms = np.sqrt(np.sum(differences**2, axis=0))
    ours = total_variation(jnp.asarray(weight), isotropic=True)
    assert float(ours.value(jnp.asarray(x))) == pytest.approx(np.sum(weight[..., None] * norms), rel=1e-13)
    coupled = AnalysisL12(ForwardDifferences(), jnp.asarray(weight), "filters and channels")
    expected = np.sum(weight * np.sqrt(np.sum(differences**2, axis=(0, 3))))
    assert float(coupled.value(jnp.asarray(x))) == pytest.approx(expected, rel=1e-13)
    # A slope of 3 down and 4 across counts 5 a pixel, but for the two borders, and the corner nothing.
    ramp = jnp.asarray(np.add.outer(3 * np.arange(6.0), 4 * np.arange(5.0)))
    assert float(total_variation(1.0, isotropic=True).value(ramp)) == 5 * 20 + 3 * 5 + 4 * 4


WEIGHTS = jnp.asarray(np.random.default_rng(5).uniform(0.1, 0.3, GREY))
BANK = FilterBank(jnp.asarray(np.random.default_rng(6).normal(size=(3, 2, 2))), "replicate")
CASES = {
    "map": (AnalysisL12(ForwardDifferences(), WEIGHTS), Identity(), GREY),
    "colour": (AnalysisL12(ForwardDifferences(), 0.2, "filters and channels"), Identity(), COLOUR),
    "filters, blur": (AnalysisL12(BANK, 0.02), Blur(jnp.asarray([[0.6, 0.2], [0.1, 0.1]])), GREY),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_against_differences(name):
    """By y, weights, filters and the kernel: the curvature of groups that are not zero is in them."""
    regularizer, A, shape = CASES[name]
    lower = LowerLevel(A, A(jnp.asarray(rough(shape))), regularizer)
    generator = np.random.default_rng(7)
    direction = jax.tree.map(lambda leaf: jnp.asarray(generator.normal(size=leaf.shape)), lower)
    solver = DualFista() if isinstance(A, Identity) else Admm()

    def loss(method, lower):
        solution = method(solver, BUDGET, lower)
        return jnp.mean(jnp.square(solution.x - jnp.linspace(0, 1, solution.x.size).reshape(shape))), solution

    @jax.jit
    def at(step):
        moved = jax.tree.map(lambda leaf, along: leaf + step * along, lower, direction)
        return loss(ClosedForm(), moved)[0]

    slopes = [(float(at(step)) - float(at(-step))) / (2 * step) for step in (1e-4, 1e-5)]
    rules = {"map": (ClosedForm(factored_up_to=0), Implicit(on="fixed-point"))}
    for rule in rules.get(name, (ClosedForm(),)):
        gradient, found = jax.jit(jax.grad(lambda to, by=rule: loss(Checked(by), to), has_aux=True))(lower)
        pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
        assert sum(float(jnp.vdot(*pair)) for pair in pairs) == pytest.approx(slopes[1], rel=2e-5), rule
        assert int(found.certificate.ambiguous) == 0
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-3)


def test_derivatives_of_group_thresholding():
    """W = identity: a column y_g becomes y_g max(0, 1 - weight_g / ||y_g||). To second order; of u too.

    One column is thresholded to zero, another has a weight of zero: its derivative is one-sided.
    """
    generator = np.random.default_rng(1)
    y, weight = jnp.asarray(generator.normal(size=(2, 3))), jnp.asarray([0.3, 5.0, 0.0])
    c, h = jnp.asarray(generator.normal(size=(2, 2, 3)))

    def loss(parts):
        lower = LowerLevel(Identity(), parts[0], AnalysisL12(Identity(), parts[1]))
        solution = ClosedForm()(DualFista(), BUDGET, lower)
        return jnp.vdot(c, solution.x) + jnp.sum(solution.x**2) + jnp.vdot(h, solution.state.u)

    def by_formula(parts):
        y, weight = parts
        norms = jnp.sqrt(jnp.sum(y**2, axis=0))
        x = y * jnp.where(norms > weight, 1 - weight / norms, 0)[None]
        return jnp.vdot(c, x) + jnp.sum(x**2) + jnp.vdot(h, y - x)

    along = jnp.asarray(generator.normal(size=(2, 3))), jnp.asarray([0.4, -0.3, 0.2])

    def derivatives(function):
        return jax.jit(lambda at: jax.jvp(jax.grad(function), (at,), (along,)))((y, weight))

    found, expected = derivatives(loss), derivatives(by_formula)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-9), found, expected)


def test_a_column_that_just_vanishes_is_ambiguous():
    """||y_g|| = weight_g = 5: a kink. A small angle between response and dual variable is no solution."""
    lower = LowerLevel(Identity(), jnp.asarray([[3.0, 6.0], [4.0, 8.0]]), AnalysisL12(Identity(), 5.0))
    x, u = jnp.asarray([[0.0, 3.0], [0.0, 4.0]]), jnp.asarray([[3.0, 3.0], [4.0, 4.0]])
    exact = certify(lower, x, u)
    assert bool(exact.certified)
    assert (int(exact.ambiguous), int(exact.active_size)) == (1, 2)
    turned = certify(lower, x.at[:, 1].add(jnp.asarray([-4e-6, 3e-6])), u)
    assert float(turned.sign_violation) == pytest.approx(1e-6, rel=1e-3)
    assert float(turned.gap) < 1e-10
    assert not bool(turned.certified)


def test_who_does_not_take_norms_of_groups_says_who_does():
    lower = LowerLevel(Identity(), jnp.ones((3, 3)), total_variation(0.1, isotropic=True))
    reason = ActiveSet().supports(lower)
    assert reason == (
        "AnalysisL12 is a norm of groups, which is not piecewise linear; DualFista, PrimalDual and Admm "
        "solve it, and ClosedForm differentiates it"
    )
    assert "ClosedForm and Implicit(on='fixed-point')" in SupportReduced().supports(DualFista(), lower)
    assert "no projection of groups" in JaxoptImplicit().supports(DualFista(), lower)
    assert Unrolled().supports(DualFista(), lower) is None
    with pytest.raises(ValueError, match="is a norm of groups"):
        solve(ActiveSet(), BUDGET, lower)


WRONG = {
    "a map with the axis of the directions": (
        lambda: LowerLevel(
            Identity(), jnp.ones((3, 4)), total_variation(jnp.ones((2, 3, 4)), isotropic=True)
        ),
        ValueError,
        r"weight must be one number, or fit the groups of shape \(3, 4\).*got shape \(2, 3, 4\)",
    ),
    "unknown groups": (
        lambda: AnalysisL12(ForwardDifferences(), 0.1, "channels"),
        ValueError,
        "across must be one of .*filters and channels.*got 'channels'",
    ),
    "channels of a grey image": (
        lambda: AnalysisL12(ForwardDifferences(), 0.1, "filters and channels").value(jnp.ones((3, 4))),
        ValueError,
        r"groups across channels need a colour image \(h, w, 3\); got \(2, 3, 4\)",
    ),
    "a negative weight": (
        lambda: AnalysisL12(ForwardDifferences(), -0.1),
        ValueError,
        "weight must not be negative",
    ),
    "an array as operator": (
        lambda: AnalysisL12(jnp.ones((2, 3)), 0.1),
        TypeError,
        r"W must be a linear operator such as ForwardDifferences\(\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize("unit", [1e-25, 1e18])
@pytest.mark.parametrize("solver", [DualFista(), Admm(), PrimalDual()], ids=repr)
def test_float32_is_right_in_every_unit(solver, unit):
    """The squares of 1e-23 are zero in float32: of such groups no norm was above the weight."""
    y = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 7)), jnp.float32)

    def solution(unit):
        lower = LowerLevel(Identity(), unit * y, total_variation(jnp.float32(0.1 * unit), isotropic=True))
        found = jax.jit(lambda lower: solve(solver, Budget(3000, 1e-5, 10), lower))(lower)
        assert int(found.status) == Outcome.CONVERGED
        return np.asarray(found.x, np.float64) / unit

    expected = solution(1.0)
    assert np.linalg.norm(solution(unit) - expected) <= 2e-4 * np.linalg.norm(expected)
