"""Exact rules agree with a dense adjoint, whichever way they take, and with the closed form on l1."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from l1_problems import signal
from smooth_by_hand import compiled, error, exact_gradient, experts, gradient

from hypergrad_bench.hypergrad import (
    ClosedForm,
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Solved,
    SupportReduced,
    Unrolled,
    hypergradient,
)
from hypergrad_bench.problems import Deconvolution, Denoising, Inpainting
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    AndersonRichardson,
    BiCgStab,
    Budget,
    Cg,
    CirculantPreconditioner,
    Dense,
    DualFista,
    Gmres,
    Minres,
    Nesterov,
    NormalCg,
    PrimalDual,
    Richardson,
)

TASKS = (Denoising(), Inpainting(), Deconvolution())
TO_ROUNDING = Budget(20_000, 1e-14, 50)
STEPS = Budget(150, 0.0)
ANY = (
    BiCgStab(tolerance=1e-13),
    Gmres(tolerance=1e-13),
    NormalCg(tolerance=1e-13),
    Richardson(tolerance=1e-13),
    AndersonRichardson(tolerance=1e-13),
    Dense(),
)
SYMMETRIC = (Cg(tolerance=1e-13), Minres(tolerance=1e-13))
BY_BACKWARD = (
    *(Implicit(linear) for linear in (*SYMMETRIC, *ANY)),
    *(Implicit(linear, on="fixed-point") for linear in ANY),
    Implicit(preconditioner=CirculantPreconditioner()),
)
BY_STEPS = (Unrolled(), Unrolled(17), Unrolled("recursive"), ForwardMode())


@functools.cache
def _solved(task):
    lower = experts(task)
    exact = exact_gradient(lower)
    found = compiled(lambda lower: Implicit()(Nesterov(), TO_ROUNDING, lower))(lower)
    return lower, found, exact


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("method", BY_BACKWARD, ids=repr)
def test_every_linear_solver_on_both_conditions(task, method):
    lower, found, exact = _solved(task)
    assert method.supports(Nesterov(), lower) is None

    def backward(lower, found):
        return method.backward(Solved(Nesterov(), TO_ROUNDING, lower, found), 2 * (found.x - 0.3))

    pulled, account = compiled(backward)(lower, found)
    assert error(pulled.regularizer, exact) < 1e-8
    assert float(account.residual) < 1e-9


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("method", BY_STEPS, ids=repr)
def test_every_way_through_all_steps(task, method):
    lower, _, exact = _solved(task)
    assert error(gradient(method, Nesterov(), STEPS, lower), exact) < 1e-8


@functools.cache
def _l1(task, solver):
    """An l1 problem, a solution of it to rounding, and the closed form's gradient."""
    lower = signal(task, 0)
    found = compiled(lambda lower: ClosedForm()(solver, TO_ROUNDING, lower))(lower)
    sure = compiled(lambda lower: hypergradient(ClosedForm(), ActiveSet(), Budget(100, 1e-13), lower, _outer))
    exact = sure(lower)
    assert bool(exact.solution.certificate.certified)
    np.testing.assert_allclose(found.x, exact.solution.x, atol=1e-9)
    return lower, found, exact.gradient


def _outer(x):
    return jnp.sum((x - 0.3) ** 2)


PAIRS = (
    (Denoising(), DualFista()),
    (Denoising(), PrimalDual()),
    (Denoising(), Admm()),
    (Inpainting(), PrimalDual()),
    (Inpainting(), Admm()),
)


@pytest.mark.parametrize(("task", "solver"), PAIRS, ids=repr)
@pytest.mark.parametrize("linear", [Gmres(tolerance=1e-12), NormalCg(tolerance=1e-12)], ids=repr)
def test_the_fixed_point_of_an_l1_solver_gives_the_closed_form(task, solver, linear):
    lower, found, exact = _l1(task, solver)
    method = Implicit(linear, on="fixed-point")

    def backward(lower, found):
        return method.backward(Solved(solver, TO_ROUNDING, lower, found), 2 * (found.x - 0.3))[0]

    assert error(compiled(backward)(lower, found), exact) < 1e-7


def test_the_reduced_system_gives_the_closed_form():
    lower, found, exact = _l1(Denoising(), DualFista())

    def backward(lower, found):
        return SupportReduced().backward(Solved(DualFista(), TO_ROUNDING, lower, found), 2 * (found.x - 0.3))

    pulled, account = compiled(backward)(lower, found)
    assert error(pulled, exact) < 1e-8
    # The rows whose dual variable is free are those with w_i x = 0.
    product = np.asarray(lower.regularizer.W(found.x))
    assert int(account.active_size) == np.sum(np.abs(product) < 1e-8)
    assert 0 < int(account.active_size) < product.size
    assert "no proximal gradient iteration" in SupportReduced().supports(PrimalDual(), lower)


@pytest.mark.parametrize("solver", [Admm(), PrimalDual(), DualFista()], ids=repr)
@pytest.mark.parametrize("method", [Restarted(200), Unrolled(last=200)], ids=repr)
def test_a_held_state_stays_connected_to_the_lower_level(solver, method):
    # ADMM's state carries a factorisation of a matrix with W in it: held with the state, it would cost a
    # share of the gradient.
    lower, _, exact = _l1(Denoising(), solver)
    found = gradient(method, solver, Budget(600, 0.0), lower)
    assert error(found, exact.regularizer) < 1e-6


def test_one_step_and_phantom_of_admm_are_the_first_terms_of_its_series():
    lower, found, exact = _l1(Denoising(), Admm())
    errors = []
    for method in (OneStep(), Phantom(5, 1.0), Phantom(20, 1.0), Phantom(80, 1.0)):

        def backward(lower, found, method=method):
            return method.backward(Solved(Admm(), TO_ROUNDING, lower, found), 2 * (found.x - 0.3))[0]

        errors.append(error(compiled(backward)(lower, found), exact))
    assert np.all(np.diff(errors) < 0), errors
    assert errors[0] < 1
    assert errors[-1] < 1e-2 * errors[0]


def test_symmetric_solvers_are_refused_on_a_fixed_point():
    lower = experts(Denoising())
    assert "for symmetric systems" in Implicit(Cg(), on="fixed-point").supports(Nesterov(), lower)
    with pytest.raises(ValueError, match="and the Jacobian of a step is not"):
        Implicit(Cg(), on="fixed-point")(Nesterov(), Budget(), lower)
    assert "no Hessian" in Implicit().supports(DualFista(), signal(Denoising(), 0))


def test_vmap_of_a_fixed_point_adjoint_is_a_loop():
    lowers = [experts(Denoising(), seed=seed) for seed in (0, 1)]
    method = Implicit(Gmres(tolerance=1e-12), on="fixed-point")

    def one(lower):
        return hypergradient(method, Nesterov(), Budget(300, 1e-12), lower, _outer).gradient

    batch = compiled(jax.vmap(one))(jax.tree.map(lambda *leaves: jnp.stack(leaves), *lowers))
    program = compiled(one)
    loop = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(program(lower) for lower in lowers))
    assert error(batch, loop) < 1e-9
