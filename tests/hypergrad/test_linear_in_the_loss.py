"""A gradient is linear in the loss, also where an x-update is itself an iteration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import Implicit, OneStep, Unrolled, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    DecimatedBlur,
    FilterBank,
    Inpainting,
    LowerLevel,
    Photographs,
    measure,
)
from hypergrad_bench.solvers import Admm, Budget, Cg, Gmres
from hypergrad_bench.solvers.linear.implicit_linear import solve_implicitly

SHAPE = (48, 48)
TRUTH = Photographs().sample(SHAPE, 1, 0)[0]
BANK = FilterBank(AnalysisL1.initial(SHAPE, 0).W.filters[:3])


def inpainting(dtype) -> tuple[LowerLevel, jax.Array]:
    A, y = measure(Inpainting(), TRUTH[None], 0)
    lower = LowerLevel(A, y[0], AnalysisL1(BANK, jnp.asarray(0.02)))
    return jax.tree.map(lambda leaf: leaf.astype(dtype), lower), jnp.asarray(TRUTH, dtype)


def gradient_of(method, solver, budget, lower, target):
    def loss(regularizer, scale):
        x = method(solver, budget, lower.replace(regularizer=regularizer)).x
        return scale * jnp.mean(jnp.square(x - target))

    return jax.jit(jax.grad(loss))


@pytest.mark.parametrize("method", [Unrolled(), OneStep()], ids=repr)
def test_above_the_factored_size(method):
    lower, target = inpainting(jnp.float32)
    gradient = gradient_of(method, Admm(), Budget(20, 0.0), lower, target)
    whole = gradient(lower.regularizer, jnp.asarray(1, jnp.float32))
    for scale in (1e-8, 1e-6, 1e8):
        part = gradient(lower.regularizer, jnp.asarray(scale, jnp.float32))
        for one, other in zip(jax.tree.leaves(part), jax.tree.leaves(whole), strict=True):
            error = np.linalg.norm(np.asarray(one, np.float64) / scale - np.asarray(other))
            assert error <= 1e-4 * np.linalg.norm(other)


def test_the_iterate_s_own_derivative():
    """Ten unrolled steps by the weight against central differences of ten steps, in float64.

    By the filters the two differ, as penalties follow the norm of W and are constants to differentiation.
    """
    lower, target = inpainting(jnp.float64)
    budget = Budget(10, 0.0)

    @jax.jit
    def value(weight):
        problem = lower.replace(regularizer=AnalysisL1(lower.regularizer.W, weight))
        return jnp.mean(jnp.square(Unrolled()(Admm(), budget, problem).x - target))

    weight = lower.regularizer.weight
    slope = float(jax.jit(jax.grad(value))(weight))
    quotients = [float(value(weight + h) - value(weight - h)) / (2 * h) for h in (1e-6, 1e-7)]
    assert slope != 0
    assert quotients[1] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("steps", [50, 2000])
def test_the_fixed_point_s_adjoint_is_finite_however_long_the_updates_may_take(steps):
    lower, target = inpainting(jnp.float32)
    found = hypergradient(
        Implicit(Gmres(max_steps=2), on="fixed-point"),
        Admm(cg_steps=steps),
        Budget(20, 0.0),
        lower,
        lambda x: jnp.mean(jnp.square(x - target)),
    )
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found.gradient))


def test_a_decimated_blur_above_the_factored_size():
    """The other operator whose x-update is an iteration."""
    A = DecimatedBlur(jnp.full((3, 3), 1 / 9, jnp.float32))
    y = A(jnp.asarray(TRUTH, jnp.float32))
    lower = LowerLevel(A, y, AnalysisL1(FilterBank(BANK.filters.astype(jnp.float32)), jnp.float32(0.02)))
    gradient = gradient_of(Unrolled(), Admm(), Budget(10, 0.0), lower, jnp.asarray(TRUTH, jnp.float32))
    whole, part = (gradient(lower.regularizer, jnp.asarray(c, jnp.float32)) for c in (1, 1e-8))
    error = np.linalg.norm(np.asarray(part.W.filters, np.float64) / 1e-8 - np.asarray(whole.W.filters))
    assert error <= 1e-4 * np.linalg.norm(whole.W.filters)


@pytest.mark.parametrize("start", [None, jnp.asarray([100.0, -50.0])], ids=["cold", "warm"])
def test_a_linear_solve_has_derivatives_of_every_order(start):
    """Against the solution by formula, of which JAX differentiates every operation."""
    matrix, direction = jnp.asarray([[2.0, 0.5], [0.5, 1.0]]), jnp.asarray([0.3, -0.7])

    def by_iteration(a):
        found = solve_implicitly(
            Cg(), lambda v: a[0] * matrix @ v + a[1] ** 2 * v, jnp.stack([a[1], a[0]]), start=start
        )
        return jnp.sum(found.value**3)

    def by_formula(a):
        system = a[0] * matrix + a[1] ** 2 * jnp.eye(2)
        return jnp.sum(jnp.linalg.solve(system, jnp.stack([a[1], a[0]])) ** 3)

    at = jnp.asarray([1.0, 2.0])
    for order in (
        jax.grad,
        jax.hessian,
        lambda f: jax.jacrev(jax.grad(f)),
        lambda f: jax.jacfwd(jax.hessian(f)),
    ):
        np.testing.assert_allclose(order(by_iteration)(at), order(by_formula)(at), rtol=1e-8, atol=1e-12)
    ours = jax.jvp(by_iteration, (at,), (direction,))[1]
    assert float(ours) == pytest.approx(float(jax.jvp(by_formula, (at,), (direction,))[1]), rel=1e-9)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_conjugate_gradients_end_where_they_can_do_no_more(dtype):
    """Singular and inconsistent, indefinite, and long after convergence: finite, and told apart."""
    generator = np.random.default_rng(5)
    rotation = np.linalg.qr(generator.normal(size=(12, 12)))[0]
    spectra = {
        "singular": (np.r_[0, 0, np.linspace(0.1, 1, 10)], False),
        "indefinite": (np.r_[-0.5, np.linspace(0.1, 1, 11)], None),
        "definite": (np.linspace(0.01, 1, 12), True),
    }
    rhs = jnp.asarray(generator.normal(size=12), dtype)
    for spectrum, solvable in spectra.values():
        matrix = jnp.asarray(rotation @ np.diag(spectrum) @ rotation.T, dtype)
        found = Cg(max_steps=5000, tolerance=0.0).solve_linear(lambda v, matrix=matrix: matrix @ v, rhs)
        assert np.isfinite(found.value).all()
        solved = float(jnp.linalg.norm(matrix @ found.value - rhs)) < 1e-3 * float(jnp.linalg.norm(rhs))
        assert bool(found.converged) <= solved
        if solvable is not None:
            assert bool(found.converged) is solvable
