"""Hypergradients of lower levels without an energy: what works, by differences, and what says it cannot."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smooth_by_hand import error

from hypergrad_bench.bench.conformance.small_problem import outer
from hypergrad_bench.hypergrad import (
    ClosedForm,
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Shine,
    Unrolled,
    central_differences,
    disagreement,
    error_bound,
    hypergradient,
    no_error_bound,
    random_directions,
    reference,
    reference_rung,
)
from hypergrad_bench.problems import (
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Inpainting,
    LogCosh,
    LowerLevel,
    Photographs,
    UntiedExperts,
    measure,
    pytree,
)
from hypergrad_bench.solvers import (
    Anderson,
    AndersonRichardson,
    BiCgStab,
    Broyden,
    Budget,
    Cg,
    Dense,
    ForwardBackward,
    Gmres,
    Lbfgs,
    Minres,
    Nesterov,
    NonmonotoneAcceleratedGradient,
    NormalCg,
    Picard,
    Richardson,
    solve,
)

SHAPE = (10, 10)
TIGHT = Budget(20_000, 1e-13, 20)
TASKS = [Denoising(), Inpainting(), Deconvolution()]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _differentiate(method, solver, budget, lower):
    found = hypergradient(method, solver, budget, lower, outer)
    return found._replace(solution=found.solution._replace(state=None))


def _lower(task, regularizer, shape=SHAPE) -> LowerLevel:
    A, y = measure(task, Photographs().sample(shape, 1, 0), 0)
    return LowerLevel(A, y[0], regularizer)


def _untied(**changes) -> UntiedExperts:
    """Untied experts with biases, so that every leaf matters."""
    start = UntiedExperts.initial(SHAPE, 0)
    return dataclasses.replace(start, biases=jnp.linspace(-0.05, 0.05, 8), **changes)


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize(
    ("solver", "method"),
    [
        (Picard(), Implicit(linear=Gmres(tolerance=1e-13))),
        (Anderson(), Implicit(linear=Richardson(tolerance=1e-13), on="fixed-point")),
    ],
    ids=repr,
)
def test_tied_it_has_the_hypergradient_of_fields_of_experts(task, solver, method):
    """Riccio, Ehrhardt and Benning: bilevel learning is an equilibrium model with C = A."""
    experts = FieldsOfExperts.initial(SHAPE, 0)
    tied = UntiedExperts(experts.filters, experts.filters, experts.weights, jnp.zeros(8))
    expected = _differentiate(Implicit(Cg(tolerance=1e-13)), Nesterov(), TIGHT, _lower(task, experts))
    found = _differentiate(method, solver, TIGHT, _lower(task, tied))
    gradient, truth = found.gradient.regularizer, expected.gradient.regularizer
    # The filters enter twice: A and C each have their share of the derivative.
    both = gradient.filters + gradient.synthesis
    assert float(jnp.linalg.norm(both - truth.filters) / jnp.linalg.norm(truth.filters)) <= 1e-8
    assert float(jnp.linalg.norm(gradient.weights - truth.weights) / jnp.linalg.norm(truth.weights)) <= 1e-8
    assert error(found.gradient.y, expected.gradient.y) <= 1e-8
    assert float(found.value) == pytest.approx(float(expected.value), rel=1e-10)


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("fields", [("regularizer",), ("A", "y")], ids=str)
def test_implicit_against_central_differences(task, fields):
    lower = _lower(task, _untied())
    directions = random_directions(lower, 3, 0, fields)
    if not jax.tree.leaves(lower.A) and "A" in fields:
        directions = random_directions(lower, 3, 0, ("y",))

    def loss(moved: LowerLevel) -> jax.Array:
        return outer(solve(Anderson(), TIGHT, moved).x)

    differences = jax.jit(partial(central_differences, loss))(lower, directions).central
    found = _differentiate(Implicit(linear=Dense()), Picard(), TIGHT, lower)
    slopes = sum(
        jnp.tensordot(direction, leaf, axes=leaf.ndim)
        for direction, leaf in zip(jax.tree.leaves(directions), jax.tree.leaves(found.gradient), strict=True)
    )
    np.testing.assert_allclose(slopes, differences, rtol=1e-5)


EXACT = [
    (Implicit(linear=Gmres()), Anderson()),
    (Implicit(linear=BiCgStab()), Broyden()),
    (Implicit(linear=NormalCg(tolerance=1e-13)), Picard()),
    (Implicit(linear=AndersonRichardson()), Picard()),
    (Implicit(linear=Gmres(), on="fixed-point"), Picard()),
    (Implicit(linear=Gmres(), on="fixed-point"), Anderson()),
    (Implicit(linear=Gmres(), on="fixed-point"), Broyden()),
    (Phantom(steps=400), Anderson()),
    (Phantom(steps=400), Picard()),
]
EVERY_STEP = [
    (Unrolled(), Picard()),
    (Unrolled(last=200), Anderson()),
    (Unrolled(last=200), Broyden()),
    (Restarted(layers=200), Picard()),
    (Restarted(layers=200), Anderson()),
]


@pytest.fixture(scope="module")
def untied() -> LowerLevel:
    """Denoising, whose map contracts well."""
    return _lower(Denoising(), _untied())


@pytest.fixture(scope="module")
def truth(untied) -> LowerLevel:
    """The gradient by a dense solve."""
    return _differentiate(Implicit(linear=Dense()), Picard(), TIGHT, untied).gradient


@pytest.mark.parametrize(
    ("method", "solver", "budget"),
    [(*pair, TIGHT) for pair in EXACT] + [(*pair, Budget(400, 0.0)) for pair in EVERY_STEP],
    ids=str,
)
def test_rules_agree_without_an_energy(untied, truth, method, solver, budget):
    found = _differentiate(method, solver, budget, untied)
    assert error(found.gradient, truth) <= 1e-8


def test_forward_mode_agrees_without_an_energy():
    """It takes a product per parameter and step: two filters and few pixels show it."""
    start = UntiedExperts.initial((6, 6), 0)
    few = UntiedExperts(start.filters[:2], start.synthesis[:2], start.weights[:2], jnp.array([-0.05, 0.05]))
    lower = _lower(Denoising(), few, (6, 6))
    expected = _differentiate(Implicit(linear=Dense()), Picard(), TIGHT, lower).gradient
    found = _differentiate(ForwardMode(), Picard(), Budget(400, 0.0), lower)
    assert error(found.gradient, expected) <= 1e-8


@pytest.mark.parametrize("solver", [Picard(), Anderson(), Broyden()], ids=repr)
def test_biased_rules_err_by_powers_of_the_contraction_factor(untied, truth, solver):
    """One step leaves an error near rho; each further layer takes another factor of it."""
    one = error(_differentiate(OneStep(), solver, TIGHT, untied).gradient, truth)
    assert 0.05 < one < 1
    budget = Budget(400, 0.0)
    errors = [
        error(_differentiate(Restarted(layers=layers), solver, budget, untied).gradient, truth)
        for layers in (1, 10, 20)
    ]
    assert errors[0] == pytest.approx(one, rel=1e-6)
    rho = float(_differentiate(Implicit(linear=Dense()), Picard(), TIGHT, untied).solution.contraction)
    assert errors[2] < errors[1] < errors[0]
    assert (errors[2] / errors[1]) ** 0.1 == pytest.approx(rho, abs=0.1)


def test_accelerated_solvers_are_differentiated_through_their_map(untied):
    """One step of the map has one derivative, whatever brought the iteration to where it is."""
    plain = _differentiate(OneStep(), Picard(), TIGHT, untied).gradient
    for solver in (Anderson(), Broyden()):
        assert error(_differentiate(OneStep(), solver, TIGHT, untied).gradient, plain) <= 1e-8


def test_the_transpose_matters(untied, truth):
    """The Jacobian in place of its transpose is visibly wrong, so that the tests above see which is used."""
    x = jax.jit(lambda lower: solve(Anderson(), TIGHT, lower).x)(untied)
    jacobian = np.reshape(jax.jacobian(untied.operator)(x), (x.size, x.size))
    cotangent = np.ravel(jax.grad(outer)(x))
    errors = []
    for matrix in (jacobian.T, jacobian):
        v = jnp.asarray(np.linalg.solve(matrix, cotangent).reshape(SHAPE))
        gradient = jax.grad(lambda lower, v=v: -jnp.vdot(v, lower.operator(x)))(untied)
        errors.append(error(gradient.regularizer, truth.regularizer))
    assert errors[0] < 1e-9
    assert errors[1] > 1e-3


def test_references_cover_operators(untied):
    assert reference_rung(untied) == ("dense implicit", True)
    directions = random_directions(untied, 2, 0, ("regularizer",))
    found = jax.jit(lambda lower: reference(lower, outer, directions))(untied)
    assert bool(found.trusted)
    assert float(disagreement(found.gradient, directions, found.differences.central)) < 1e-5
    large = LowerLevel(untied.A, jnp.ones((40, 40)), UntiedExperts.initial((40, 40), 0))
    assert reference_rung(large) == ("tight implicit", True)


NOT_SYMMETRIC = (
    "UntiedExperts has no energy, so that the Jacobian of its optimality condition is not symmetric"
)
REFUSED = {
    Implicit(
        linear=Cg()
    ): f"{NOT_SYMMETRIC}; Cg() is for symmetric systems, Implicit(linear=Gmres()) does it",
    Implicit(linear=Minres()): (
        f"{NOT_SYMMETRIC}; Minres() is for symmetric systems, Implicit(linear=Gmres()) does it"
    ),
    Shine(): NOT_SYMMETRIC,
    Implicit(
        linear=Cg(), on="fixed-point"
    ): "Cg() is for symmetric systems, and the Jacobian of a step is not",
    ClosedForm(): "UntiedExperts has no dual variable that shows an active set",
    Unrolled(): "Anderson's accelerated steps have no derivative at the solution",
    ForwardMode(): "Anderson's accelerated steps have no derivative at the solution",
}


@pytest.mark.parametrize(("method", "reason"), REFUSED.items(), ids=repr)
def test_what_needs_symmetry_says_so(untied, method, reason):
    assert (method.supports(Anderson(), untied) or "").startswith(reason)
    with pytest.raises(ValueError, match="does not apply"):
        method(Anderson(), Budget(), untied)


def test_an_accuracy_is_not_certified_without_an_energy(untied):
    method = Implicit(linear=Gmres(), accuracy=1e-3)
    assert "does not bound how its Hessian varies" in (method.supports(Anderson(), untied) or "")
    assert no_error_bound(untied) is not None
    with pytest.raises(ValueError, match="does not bound"):
        error_bound(untied, untied.y, untied.y, untied.y)


@pytest.fixture(scope="module")
def energy() -> tuple[LowerLevel, LowerLevel]:
    """Fields of experts, and their gradient by a dense solve."""
    regularizer = dataclasses.replace(FieldsOfExperts.initial(SHAPE, 0), potential=LogCosh())
    lower = _lower(Denoising(), regularizer)
    return lower, _differentiate(Implicit(Dense()), Nesterov(), TIGHT, lower).gradient


@pytest.mark.parametrize(
    ("method", "solver", "budget"),
    [
        (Implicit(Dense()), ForwardBackward(), Budget(20_000, 1e-12)),
        (Implicit(Gmres(), on="fixed-point"), ForwardBackward(), Budget(20_000, 1e-12)),
        (Implicit(Dense()), NonmonotoneAcceleratedGradient(), Budget(20_000, 1e-12)),
        (Unrolled(), ForwardBackward(), Budget(400, 0.0)),
        (Unrolled(), NonmonotoneAcceleratedGradient(), Budget(400, 0.0)),
        (Unrolled(last=200), Picard(), Budget(400, 0.0)),
    ],
    ids=repr,
)
def test_solvers_of_energies_differentiate_as_the_others_do(energy, method, solver, budget):
    lower, expected = energy
    assert error(_differentiate(method, solver, budget, lower).gradient, expected) <= 1e-6


@pytree
class Averaging:
    """A linear denoiser in place of a prox: averages over neighbours, then shrinks; no energy."""

    weights: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start with a lopsided average."""
        del shape, seed
        return cls(jnp.asarray([0.5, 0.3, 0.1]))

    def prox(self, x, step):
        """Average."""
        del step
        shifted = (x, jnp.roll(x, 1, axis=0), jnp.roll(x, 1, axis=1))
        return sum(weight * one for weight, one in zip(self.weights, shifted, strict=True))


@pytest.mark.parametrize("solver", [Picard(), Anderson()], ids=repr)
def test_a_denoiser_in_place_of_a_prox_is_differentiated_through_its_fixed_point(solver):
    lower = _lower(Inpainting(), Averaging.initial(SHAPE, 0))
    method = Implicit(linear=Gmres(tolerance=1e-13), on="fixed-point")
    found = _differentiate(method, solver, TIGHT, lower)

    def loss(moved: LowerLevel) -> jax.Array:
        return outer(solve(Picard(), TIGHT, moved).x)

    directions = random_directions(lower, 3, 0, ("regularizer",))
    differences = jax.jit(partial(central_differences, loss))(lower, directions).central
    slopes = directions.regularizer.weights @ found.gradient.regularizer.weights
    np.testing.assert_allclose(slopes, differences, rtol=1e-6)
    reason = "Averaging offers a prox alone, so that there is no optimality condition to differentiate"
    assert Implicit().supports(Picard(), lower) == reason
    assert Shine().supports(Lbfgs(), lower) == reason
