"""What the adjoint equation of implicit differentiation can be given: a guess, a preconditioner, damping."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smooth_by_hand import Smooth, compiled, error, experts, solve_exactly

from hypergrad_bench.hypergrad import Implicit, OneStep, Shine, Solved, hypergradient
from hypergrad_bench.hypergrad.rules.shine import apply_inverse
from hypergrad_bench.problems import Deconvolution, Denoising
from hypergrad_bench.solvers import (
    BiCgStab,
    Budget,
    Cg,
    CirculantPreconditioner,
    Dense,
    GradientDescent,
    Lbfgs,
    Minres,
    Nesterov,
    solve,
)


@pytest.fixture(scope="module")
def smooth() -> Smooth:
    """At a solution of gradient descent."""
    return Smooth(GradientDescent())


@pytest.mark.parametrize(
    "method", [Implicit(), Implicit(BiCgStab(), on="fixed-point")], ids=["optimality", "fixed point"]
)
def test_the_last_adjoint_is_a_good_start_of_the_next(method):
    lower = experts(Denoising())

    @compiled
    def run(lower, start):
        return hypergradient(
            method, Nesterov(), Budget(2000, 1e-12), lower, lambda x: jnp.sum((x - 0.3) ** 2), None, start
        )

    adjoint = run(lower, None).backward.adjoint
    near = lower.replace(y=lower.y + 1e-6)
    again, warm = run(near, jnp.zeros_like(adjoint)), run(near, adjoint)
    assert int(warm.backward.steps) < 0.8 * int(again.backward.steps)
    assert error(warm.gradient, again.gradient) < 1e-8


def test_a_rule_without_an_adjoint_equation_takes_no_guess():
    lower = experts(Denoising())
    with pytest.raises(ValueError, match="has no adjoint equation that could start from a guess"):
        hypergradient(OneStep(), Nesterov(), Budget(), lower, jnp.sum, None, jnp.zeros((5, 5)))


def test_damping_adds_to_the_diagonal_of_the_scaled_system(smooth):
    found, account = smooth.backward(Implicit(Dense(), damping=0.1), GradientDescent())
    size = smooth.g.size
    system = smooth.tau * smooth.hessian + 0.1 * np.eye(size)
    expected = np.linalg.solve(system, smooth.tau * smooth.g.ravel()).reshape(smooth.g.shape)
    np.testing.assert_allclose(account.adjoint, expected, atol=1e-13)
    assert error(found, smooth.paired(expected)) < 1e-12
    assert not Implicit(damping=0.1).traits.exact
    assert Implicit().traits.exact


@pytest.mark.parametrize("linear", [Cg(), Minres()], ids=repr)
def test_the_circulant_preconditioner_saves_steps_on_a_deconvolution(linear):
    lower = experts(Deconvolution(), (12, 12))
    solution = solve_exactly(Nesterov(), lower)
    accounts = []
    for preconditioner in (None, CirculantPreconditioner()):
        method = Implicit(linear, preconditioner=preconditioner)

        def backward(lower, solution, method=method):
            return method.backward(Solved(Nesterov(), Budget(), lower, solution), solution.x - 0.3)

        accounts.append(compiled(backward)(lower, solution))
    (plain, before), (preconditioned, after) = accounts
    assert int(after.steps) < 0.8 * int(before.steps)
    assert error(preconditioned, plain) < 1e-7


@pytest.mark.parametrize("shape", [(8,), (4, 6)])
def test_the_circulant_preconditioner_inverts_a_circulant_system(shape):
    generator = np.random.default_rng(0)
    spectrum = jnp.asarray(np.abs(np.fft.fftn(generator.normal(size=shape))) + 0.1)
    v = jnp.asarray(generator.normal(size=shape))

    def matvec(v):
        return jnp.real(jnp.fft.ifftn(jnp.fft.fftn(v) * spectrum.astype(jnp.complex128)))

    inverse = CirculantPreconditioner(columns=3).invert(matvec, v)
    np.testing.assert_allclose(inverse(matvec(v)), v, atol=1e-12)


def test_the_circulant_preconditioner_is_positive_whatever_the_system_is():
    generator = np.random.default_rng(0)
    matrix = jnp.asarray(generator.normal(size=(12, 12)))
    inverse = CirculantPreconditioner(columns=12).invert(lambda v: matrix @ v, jnp.zeros(12))
    dense = np.asarray(jax.vmap(inverse)(jnp.eye(12)))
    np.testing.assert_allclose(dense, dense.T, atol=1e-13)
    assert np.linalg.eigvalsh(dense).min() > 0
    for wrong in ({"columns": 0}, {"floor": 0.0}, {"floor": 1.0}):
        with pytest.raises(ValueError, match="columns must be at least 1 and floor in"):
            CirculantPreconditioner(**wrong)


def _dense_bfgs(moves: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """BFGS's inverse from pairs, oldest first: Nocedal and Wright, 2006, equation 6.17."""
    last, change = moves[-1], changes[-1]
    inverse = np.eye(last.size) * (last @ change) / (change @ change)
    for s, y in zip(moves, changes, strict=True):
        left = np.eye(s.size) - np.outer(s, y) / (y @ s)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (y @ s)
    return inverse


@pytest.mark.parametrize("steps", [4, 9, 14, 23])
def test_shine_applies_the_inverse_that_lbfgs_built(steps):
    # Fewer steps than the memory holds, as many, and more, so that it has gone round.
    lower = experts(Denoising())
    found = compiled(lambda lower: solve(Lbfgs(), Budget(steps, 0.0, 1), lower))(lower)
    pairs, size = found.state.pairs, found.x.size
    count, slots = int(pairs.stored), len(pairs.weights)
    # Steps that are taken leave a pair; the last ones differ by rounding alone, and some are refused.
    assert count >= min(steps, 20)
    order = np.arange(count - min(count, slots), count) % slots
    moves, changes = (np.asarray(one).reshape(slots, size)[order] for one in (pairs.moves, pairs.changes))
    # In time order the changes of the gradient shrink as the iteration converges.
    assert np.linalg.norm(changes[0]) > np.linalg.norm(changes[-1])
    inverse = _dense_bfgs(moves, changes)
    g = np.random.default_rng(0).normal(size=found.x.shape)
    applied = np.ravel(apply_inverse(found.state, jnp.asarray(g)))
    # The pairs are those of the energy over the Lipschitz constant of its gradient.
    lipschitz = 1 + float(lower.regularizer.lipschitz(found.x.shape))
    np.testing.assert_allclose(applied, inverse @ g.ravel() / lipschitz, rtol=1e-9, atol=1e-9)


def test_refinements_of_shine_lead_to_the_exact_gradient():
    lower = experts(Denoising())
    solution = compiled(lambda lower: solve(Lbfgs(), Budget(200, 1e-10, 1), lower))(lower)

    def backward(method):
        return compiled(
            lambda lower, solution: method.backward(
                Solved(Lbfgs(), Budget(), lower, solution), solution.x - 0.3
            )
        )(lower, solution)

    exact = backward(Implicit(Dense()))[0]
    errors = [error(backward(Shine(count))[0], exact) for count in (0, 3, 40)]
    assert errors[0] < 0.5
    assert errors[2] < 1e-7 < errors[1] < errors[0]
    # The residual is that of the equation, whose scale does not matter.
    pulled, account = backward(Shine())
    hessian = np.reshape(jax.hessian(lower.value)(solution.x), (25, 25))
    g = np.ravel(solution.x - 0.3)
    left = np.linalg.norm(hessian @ np.ravel(account.adjoint) - g) / np.linalg.norm(g)
    assert float(account.residual) == pytest.approx(left, rel=1e-8)
    assert error(pulled, exact) > 0


def test_shine_needs_lbfgs():
    lower = experts(Denoising())
    assert "Lbfgs does" in Shine().supports(Nesterov(), lower)
    with pytest.raises(ValueError, match="refinements must not be negative; got -1"):
        Shine(-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"on": "nothing"}, "on must be one of"),
        ({"damping": -0.1}, "damping must be at least 0 and finite; got -0.1"),
        ({"damping": float("inf")}, "got inf"),
    ],
)
def test_limits(wrong, message, as_users_run):
    with pytest.raises(ValueError, match=message):
        Implicit(**wrong)
