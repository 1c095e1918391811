"""The same problem in other units: the same status, solution and gradient, whatever the solver and the rule.

With A and y times a and the regulariser times a^2 the energy is a^2 times what it was, and x the same; with y
times s, and the regulariser's threshold to match, x is s times what it was.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    FiniteDifference,
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Shine,
    Spsa,
    Unrolled,
    hypergradient,
)
from hypergrad_bench.problems import AnalysisL1, Blur, Dense, FieldsOfExperts, LowerLevel, Mask, PseudoHuber
from hypergrad_bench.solvers import (
    Admm,
    Anderson,
    AndersonRichardson,
    Broyden,
    Budget,
    ForwardBackward,
    Gmres,
    GradientDescent,
    Lbfgs,
    Nesterov,
    NonmonotoneAcceleratedGradient,
    Outcome,
    Picard,
)

SHAPE = (5, 5)
UNITS = [100.0, 0.01]
BUDGET, EVERY_STEP = Budget(3000, 1e-9, 10), Budget(150, 0.0)
SOLVERS = [
    GradientDescent(),
    Nesterov(),
    NonmonotoneAcceleratedGradient(),
    ForwardBackward(),
    Lbfgs(),
    Picard(),
    Anderson(),
    Broyden(),
]


def _operator(a: float, invertible: bool):
    if invertible:
        kernel = np.outer([0.15, 0.7, 0.1], [0.1, 0.8, 0.15])
        return Blur(jnp.asarray(a * kernel))
    mask = np.where(np.arange(25).reshape(SHAPE) % 3 == 0, 0.0, 1.0)
    return Mask(jnp.asarray(a * mask))


def _lower(a: float = 1.0, s: float = 1.0, invertible: bool = True) -> LowerLevel:
    start = FieldsOfExperts.initial(SHAPE, 0)
    experts = dataclasses.replace(start, weights=a**2 * start.weights, potential=PseudoHuber(0.1 * s))
    y = np.random.default_rng(0).uniform(size=SHAPE) + np.linspace(0, 1, 5)
    return LowerLevel(_operator(a, invertible), jnp.asarray(a * s * y), experts)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _found(method, solver, budget, lower, s=1.0):
    def outer(x):
        return jnp.sum(jnp.square(x / s - 0.3))

    found = hypergradient(method, solver, budget, lower, outer)
    return found._replace(solution=found.solution._replace(state=None))


def _in_first_units(gradient: LowerLevel, a: float, s: float = 1.0) -> dict[str, np.ndarray]:
    """The gradient by the arrays of the problem with a = s = 1."""
    (operator,) = jax.tree.leaves(gradient.A)
    experts = gradient.regularizer
    return {
        "A": a * np.asarray(operator),
        "y": a * s * np.asarray(gradient.y),
        "filters": np.asarray(experts.filters),
        "weights": a**2 * np.asarray(experts.weights),
    }


def _assert_same(
    method, solver, budget, a: float, s: float = 1.0, invertible: bool = True, rtol=1e-6
) -> None:
    base = _found(method, solver, budget, _lower(invertible=invertible))
    other = _found(method, solver, budget, _lower(a, s, invertible), s)
    if budget.tolerance:
        assert int(base.solution.status) == Outcome.CONVERGED
    assert int(other.solution.status) == int(base.solution.status)
    assert float(other.solution.residual) == pytest.approx(float(base.solution.residual), rel=1e-2, abs=1e-9)
    np.testing.assert_allclose(other.solution.x / s, base.solution.x, atol=1e-7)
    expected, gradient = _in_first_units(base.gradient, 1.0), _in_first_units(other.gradient, a, s)
    for name, leaf in expected.items():
        error = np.linalg.norm(gradient[name] - leaf) / np.linalg.norm(leaf)
        assert error <= rtol, f"{name} off by {error:.1e}"


@pytest.mark.parametrize("a", UNITS)
@pytest.mark.parametrize("invertible", [True, False], ids=["blur", "mask"])
@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_solvers(solver, invertible, a):
    _assert_same(Implicit(), solver, BUDGET, a, invertible=invertible)


@pytest.mark.parametrize("s", UNITS)
@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_solvers_of_images_in_other_units(solver, s):
    _assert_same(Implicit(), solver, BUDGET, 1.0, s)


METHODS = {
    "implicit, fixed point": (Implicit(Gmres(), on="fixed-point"), Nesterov(), BUDGET),
    "one step": (OneStep(), GradientDescent(), BUDGET),
    "phantom": (Phantom(), Picard(), BUDGET),
    "shine": (Shine(), Lbfgs(), BUDGET),
    "shine, refined": (Shine(refinements=3), Lbfgs(), BUDGET),
    "unrolled": (Unrolled(), GradientDescent(), EVERY_STEP),
    "unrolled, nonmonotone": (Unrolled(), NonmonotoneAcceleratedGradient(), EVERY_STEP),
    "restarted": (Restarted(), Nesterov(), EVERY_STEP),
    "forward mode": (ForwardMode(), GradientDescent(), EVERY_STEP),
    "finite differences": (FiniteDifference(), Nesterov(), Budget(3000, 1e-11, 10)),
    "finite differences, given step": (FiniteDifference(step=1e-3), Nesterov(), Budget(3000, 1e-11, 10)),
    "SPSA": (Spsa(samples=2), Nesterov(), Budget(3000, 1e-11, 10)),
}


@pytest.mark.optimised  # forward mode goes along for thousands of steps
@pytest.mark.parametrize("a", UNITS)
@pytest.mark.parametrize("name", METHODS)
def test_methods(name, a):
    # What stops a little earlier or later leaves another share of the tolerance.
    _assert_same(*METHODS[name], a, rtol=1e-5)


@pytest.mark.parametrize("s", UNITS)
@pytest.mark.parametrize("name", ["implicit, fixed point", "shine", "finite differences", "SPSA"])
def test_methods_on_images_in_other_units(name, s):
    _assert_same(*METHODS[name], 1.0, s, rtol=1e-5)


@pytest.mark.parametrize("a", UNITS)
def test_the_adjoint_of_a_state_with_a_dual_variable(a):
    """The dual variable has the unit of A times y: a Krylov method that is cut short must not see it."""
    method = Implicit(AndersonRichardson(max_steps=4), on="fixed-point")

    def at(a: float):
        y = np.random.default_rng(0).normal(size=12) + np.repeat([0.0, 2.0], 6)
        matrix = a * (np.eye(12) + 0.2 * np.random.default_rng(1).normal(size=(12, 12)))
        regularizer = AnalysisL1.initial((12,), 0)
        scaled = dataclasses.replace(regularizer, weight=a**2 * regularizer.weight)
        lower = LowerLevel(Dense(jnp.asarray(matrix)), jnp.asarray(a * y), scaled)
        return _found(method, Admm(rho=3.0), Budget(3000, 0.0, 100), lower)

    base, other = at(1.0), at(a)
    assert 0.01 < float(base.backward.residual) < 0.5
    assert float(other.backward.residual) == pytest.approx(float(base.backward.residual), rel=1e-5)
    expected = np.asarray(base.gradient.regularizer.W.matrix)
    np.testing.assert_allclose(
        other.gradient.regularizer.W.matrix, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()
    )
