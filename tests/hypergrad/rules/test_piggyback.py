"""Piggyback differentiation against closed forms, dense adjoints and differences of certified solutions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from l1_problems import image, signal
from smooth_by_hand import compiled, error, exact_gradient, experts

from hypergrad_bench.hypergrad import (
    Checked,
    ClosedForm,
    Hypergradient,
    Implicit,
    Piggyback,
    disagreement,
    hypergradient,
    is_trusted,
    random_directions,
    reference,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Denoising,
    Dense,
    Identity,
    Inpainting,
    InputConvexNetwork,
    LowerLevel,
    Photographs,
    PlugAndPlay,
    UntiedExperts,
    total_variation,
)
from hypergrad_bench.solvers import Budget, DualFista, Nesterov, Picard, PrimalDual

TIGHT, LOOSE = Budget(20_000, 1e-12, 50), Budget(2000, 1e-4)


@functools.cache
def program(method, solver, budget):
    """The hypergradient of <g, x>, from a guess of the adjoint if there is one."""
    return compiled(
        lambda lower, g, start: hypergradient(
            method, solver, budget, lower, lambda x: jnp.vdot(g, x), None, start
        )
    )


def differentiate(method, solver, budget, lower, g, start=None) -> Hypergradient:
    """The hypergradient of a loss with the gradient g everywhere."""
    return program(method, solver, budget)(lower, jnp.asarray(g), start)


def drawn(lower: LowerLevel) -> np.ndarray:
    """A cotangent of x without a symmetry."""
    return np.random.default_rng(7).normal(size=lower.shape)


@functools.cache
def filters():
    """Filter-bank denoising with its reference: the closed form at a certified solution, and differences."""
    lower = image(Denoising(), 0)
    g = jnp.asarray(drawn(lower))
    directions = random_directions(lower, 2, 0, ("A", "y", "regularizer"))
    found = compiled(lambda lower: reference(lower, lambda x: jnp.vdot(g, x), directions))(lower)
    assert bool(found.trusted)
    assert not bool(found.nonsmooth)
    return lower, directions, found


def test_from_a_loose_solve_it_is_the_certified_gradient_by_every_leaf():
    """Two independent ways: the closed form at the certified solution, and central differences of losses."""
    lower, directions, exact = filters()
    found = differentiate(Piggyback(), DualFista(), LOOSE, lower, drawn(lower))
    assert bool(found.backward.converged)
    for one, other in zip(jax.tree.leaves(found.gradient), jax.tree.leaves(exact.gradient), strict=True):
        assert error(one, other) < 1e-7
    assert float(disagreement(found.gradient, directions, exact.differences.central)) < 1e-5


def test_it_moves_on_where_iterates_mislead():
    """The closed form reads wrong rows off the same loose iterate."""
    lower, _, exact = filters()
    misled = differentiate(ClosedForm(), DualFista(), LOOSE, lower, drawn(lower))
    assert error(misled.gradient.regularizer, exact.gradient.regularizer) > 1e-2


def test_groups_have_the_closed_form_s_gradient_in_every_unit():
    """Isotropic total variation, curved where groups are not zero; y in another unit changes nothing."""
    y, unit = jnp.asarray(Photographs().sample((6, 6), 1, 0)[0]), 1e-6
    lower, small = (
        LowerLevel(Identity(), one * y, total_variation(one * 0.05, isotropic=True)) for one in (1.0, unit)
    )
    g = drawn(lower)
    exact = differentiate(ClosedForm(), DualFista(), TIGHT, lower, g)
    found = differentiate(Piggyback(), DualFista(), TIGHT, lower, g)
    other = differentiate(Piggyback(), DualFista(), TIGHT, small, g / unit)
    assert 0 < int(found.backward.active_size) < 72
    assert int(found.backward.active_size) == int(exact.backward.active_size)
    assert error(found.gradient, exact.gradient) < 1e-7
    assert int(other.backward.steps) == int(found.backward.steps)
    for one, same in zip(jax.tree.leaves(other.gradient), jax.tree.leaves(found.gradient), strict=True):
        assert error(unit * one, same) < 1e-9
    # Their dual is not strongly concave: there is a residual, and no bound.
    assert found.backward.error_bound is None


def test_what_did_not_converge_is_told():
    """Few steps are no gradient, and `Checked` makes them NaN; no cotangent has no gradient, and no step."""
    lower = signal(Inpainting(), 0)
    short = differentiate(Piggyback(max_steps=20), PrimalDual(), TIGHT, lower, drawn(lower))
    assert int(short.solution.status) == 0
    assert not is_trusted(short.solution, short.backward)
    assert int(short.backward.steps) == 20
    checked = differentiate(Checked(Piggyback(max_steps=20)), PrimalDual(), TIGHT, lower, drawn(lower))
    assert np.isnan(checked.gradient.y).all()
    none = differentiate(Piggyback(max_steps=20), PrimalDual(), TIGHT, lower, jnp.zeros(16))
    assert is_trusted(none.solution, none.backward)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(none.gradient))


@pytest.mark.parametrize("weights", [np.array([0.1, 0.2, 0.0, 0.3, 0.1]), np.zeros(5)], ids=["one", "all"])
def test_a_weight_of_zero_has_its_one_sided_derivative(weights):
    generator = np.random.default_rng(1)
    W, y = jnp.asarray(generator.normal(size=(5, 6))), jnp.asarray(np.cumsum(generator.normal(size=6)))
    lower = LowerLevel(Identity(), y, AnalysisL1(Dense(W), jnp.asarray(weights)))
    exact, found = (
        differentiate(method, DualFista(), TIGHT, lower, drawn(lower))
        for method in (ClosedForm(), Piggyback())
    )
    assert error(found.gradient, exact.gradient) < 1e-8
    assert abs(float(found.gradient.regularizer.weight[2])) > 1e-3


def test_the_next_adjoint_starts_from_the_last_one():
    """It is there at the first look."""
    lower = signal(Inpainting(), 0)
    cold = differentiate(Piggyback(), PrimalDual(), TIGHT, lower, drawn(lower))
    warm = differentiate(Piggyback(), PrimalDual(), TIGHT, lower, drawn(lower), cold.backward.adjoint)
    assert int(cold.backward.steps) > 50
    assert int(warm.backward.steps) == 10
    assert error(warm.gradient, cold.gradient) < 1e-6


def test_the_bound_of_a_smooth_energy_holds():
    """Of the loss's own gradient, from loose solves and loose adjoints, against a dense adjoint."""
    lower = experts(Denoising())
    exact = exact_gradient(lower)

    @compiled
    def run(tolerance):
        method = Piggyback(adjoint_tolerance=tolerance, outer_lipschitz=2.0)
        budget = Budget(2000, 0.3 * tolerance)
        return hypergradient(method, Nesterov(), budget, lower, lambda x: jnp.sum(jnp.square(x - 0.3)))

    for tolerance in (1e-1, 1e-3):
        found = run(jnp.asarray(tolerance))
        away = error(found.gradient.regularizer, exact) * np.linalg.norm(exact)
        assert bool(found.backward.converged)
        assert away <= float(found.backward.error_bound) <= 1e4 * away


def test_an_input_convex_network_takes_gradient_steps():
    y = jnp.asarray(Photographs().sample((5, 5), 1, 0)[0])
    lower = LowerLevel(Identity(), y, InputConvexNetwork.initial((5, 5), 0))
    exact, found = (
        differentiate(method, Nesterov(), TIGHT, lower, drawn(lower)) for method in (Implicit(), Piggyback())
    )
    assert bool(found.backward.converged)
    assert found.backward.error_bound is None
    assert error(found.gradient, exact.gradient) < 1e-7


def test_what_it_cannot_do_it_says():
    """Operators without an energy, denoisers in the place of a prox, and numbers out of range."""
    y = jnp.zeros((8, 8))
    untied = LowerLevel(Identity(), y, UntiedExperts.initial((8, 8), 0))
    denoiser = LowerLevel(Identity(), y, PlugAndPlay.initial((8, 8), 0))
    sparse = LowerLevel(Identity(), y, total_variation(0.1))
    assert "has no energy" in Piggyback().supports(Picard(), untied)
    assert "nor is it a norm of responses" in Piggyback().supports(Picard(), denoiser)
    assert Piggyback().supports(Nesterov(), sparse) == "Nesterov offers no dual variable"
    for wrong in (
        {"max_steps": 0},
        {"adjoint_tolerance": 1.0},
        {"dual_scale": 0.0},
        {"outer_lipschitz": -1.0},
    ):
        with pytest.raises(ValueError, match=r"tolerance|dual_scale|outer_lipschitz"):
            Piggyback(**wrong)
