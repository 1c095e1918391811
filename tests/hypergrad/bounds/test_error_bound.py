"""Bounds of derivatives and of the hypergradient's error against dense linear algebra and random points."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from hypergrad_bench.hypergrad import ErrorBound, error_bound, no_error_bound
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    FieldsOfExperts,
    Identity,
    LogCosh,
    Lorentzian,
    LowerLevel,
    Mask,
    PseudoHuber,
)
from hypergrad_bench.problems.regularizers.experts.sorted_budget import largest_sum

pytestmark = pytest.mark.optimised

SHAPE = (7, 8)
SIZE = 56
POTENTIALS = (PseudoHuber(), LogCosh(), PseudoHuber(0.02), LogCosh(1.0))


def experts(seed: int, potential: Any = POTENTIALS[0], boundary: str = "circular") -> FieldsOfExperts:
    generator = np.random.default_rng([seed, 1])
    start = FieldsOfExperts.initial(SHAPE, seed)
    weights = generator.uniform(0.0, 0.5, size=8)
    return FieldsOfExperts(start.filters, jnp.asarray(weights), potential, boundary)


@pytest.mark.parametrize("potential", POTENTIALS, ids=repr)
@pytest.mark.parametrize("reach", [0.0, 0.03, 0.5])
def test_the_third_derivative_is_bounded_and_no_more(potential, reach):
    third = jax.jit(jax.vmap(jax.grad(jax.grad(jax.grad(lambda t: potential.value(t[None])[0])))))
    middles = np.linspace(-1.0, 1.0, 81)
    around = middles[:, None] + reach * np.linspace(-1, 1, 801)
    largest = np.abs(np.asarray(third(jnp.asarray(around.ravel())))).reshape(around.shape).max(axis=1)
    bound = np.asarray(potential.steepest(jnp.asarray(middles), jnp.full(81, reach)))
    assert np.all(bound >= largest * (1 - 1e-9) - 1e-9 / potential.scale)
    assert np.all(bound <= largest * 1.001 + 1e-3 / potential.scale)


def test_the_largest_sum_is_a_linear_program():
    generator = np.random.default_rng(0)
    for budget in (0.0, 0.3, 2.0, 100.0):
        gains, caps = generator.uniform(size=(2, 12))
        found = linprog(-gains, A_ub=np.ones((1, 12)), b_ub=[budget], bounds=[(0, cap) for cap in caps])
        ours = largest_sum(jnp.asarray(gains), jnp.asarray(caps), jnp.asarray(budget))
        assert float(ours) == pytest.approx(-found.fun, abs=1e-9)


class Derivatives(NamedTuple):
    """Of a regulariser, dense: its Hessian times v, and the derivative of its gradient, transposed."""

    product: jax.Array
    mixed: jax.Array


@jax.jit
def derivatives(regularizer: FieldsOfExperts, x: jax.Array, v: jax.Array) -> Derivatives:
    def gradient(one: FieldsOfExperts, x: jax.Array) -> jax.Array:
        return jax.grad(one.value)(x)

    found = jax.jacfwd(gradient)(regularizer, x)
    leaves = [leaf.reshape(SIZE, -1).T for leaf in jax.tree.leaves(found)]
    product = jax.jvp(lambda x: gradient(regularizer, x), (x,), (v,))[1]
    return Derivatives(product, jnp.concatenate(leaves))


@jax.jit
def bounds(regularizer: FieldsOfExperts, x: jax.Array, v: jax.Array, radius: jax.Array) -> Any:
    around = regularizer.sensitivity(x, radius)
    return around.hessian_change(v), around.mixed_change(v), around.mixed_norm()


@pytest.mark.parametrize("radius", [1e-6, 1e-2, 1.0])
@pytest.mark.parametrize(
    ("boundary", "potential"),
    [
        ("circular", POTENTIALS[0]),
        ("zero", POTENTIALS[1]),
        ("reflect", POTENTIALS[2]),
        ("replicate", POTENTIALS[0]),
    ],
    ids=repr,
)
def test_no_point_of_the_ball_exceeds_the_bounds_of_the_derivatives(boundary, radius, potential):
    regularizer = experts(3, potential, boundary)
    generator = np.random.default_rng(1)
    x, v = jnp.asarray(generator.normal(size=(2, *SHAPE)))
    centre = derivatives(regularizer, x, v)
    hessian, mixed, norm = map(float, bounds(regularizer, x, v, jnp.asarray(radius)))
    largest = np.zeros(3)
    # Random directions, and single pixels, which move few responses by much.
    directions = [*generator.normal(size=(10, *SHAPE)), *np.eye(SIZE)[::9].reshape(-1, *SHAPE)]
    for direction in directions:
        moved = derivatives(regularizer, x + jnp.asarray(radius * direction / np.linalg.norm(direction)), v)
        change = (moved.mixed - centre.mixed) @ v.ravel()
        norms = [jnp.linalg.norm(moved.product - centre.product), jnp.linalg.norm(change)]
        largest = np.maximum(largest, [*map(float, norms), float(jnp.linalg.norm(moved.mixed, 2))])
    assert np.all(np.asarray([hessian, mixed, norm]) >= largest)
    if radius < 1:  # further out the bounds are constants, or grow on
        assert np.all(np.asarray([hessian, mixed, norm]) <= 100 * largest)


def test_at_a_point_the_norm_is_that_of_the_dense_matrix():
    regularizer = experts(0)
    x = jnp.asarray(np.random.default_rng(2).normal(size=SHAPE))
    exact = float(jnp.linalg.norm(derivatives(regularizer, x, x).mixed, 2))
    found = [float(one) for one in bounds(regularizer, x, x, jnp.asarray(0.0))]
    assert found[:2] == [0, 0]
    assert exact <= found[2] <= 1.2 * exact


class Problem(NamedTuple):
    """A lower level with a ground truth, its solution, adjoint and hypergradient by dense solves."""

    lower: LowerLevel
    truth: jax.Array
    x: jax.Array
    v: jax.Array
    z: jax.Array


@jax.jit
def solved(lower: LowerLevel, truth: jax.Array) -> Problem:
    def newton(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        hessian = jax.hessian(lower.value)(x).reshape(SIZE, SIZE)
        return x - jnp.linalg.solve(hessian, jax.grad(lower.value)(x).ravel()).reshape(SHAPE), None

    def descend(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        return x - 0.1 * jax.grad(lower.value)(x), None

    x = jax.lax.scan(descend, lower.y, length=300)[0]
    x = jax.lax.scan(newton, x, length=6)[0]
    v = adjoint(lower, x, outer_gradient(x, truth))
    return Problem(lower, truth, x, v, pulled(lower, x, v))


@jax.jit
def adjoint(lower: LowerLevel, x: jax.Array, g: jax.Array) -> jax.Array:
    hessian = jax.hessian(lower.value)(x).reshape(SIZE, SIZE)
    return jnp.linalg.solve(hessian, g.ravel()).reshape(SHAPE)


def outer_gradient(x: jax.Array, truth: jax.Array) -> jax.Array:
    return 2 * (x - truth) / SIZE


def pulled(lower: LowerLevel, x: jax.Array, v: jax.Array) -> jax.Array:
    regularizer: Any = lower.regularizer
    return -derivatives(regularizer, x, v).mixed @ v.ravel()


def problem(seed: int, potential: Any = POTENTIALS[0], A: Any = None) -> Problem:
    generator = np.random.default_rng([seed, 7])
    truth = jnp.asarray(np.cumsum(generator.normal(size=SHAPE) * 0.2, axis=1))
    A = Identity() if A is None else A
    y = A(truth) + 0.1 * jnp.asarray(generator.normal(size=SHAPE))
    found = solved(LowerLevel(A, y, experts(seed, potential)), truth)
    assert float(jnp.linalg.norm(found.lower.gradient(found.x))) < 1e-12
    return found


class Judged(NamedTuple):
    """The true error of an inexact hypergradient, and its bound."""

    error: float
    bound: ErrorBound

    @property
    def ratio(self) -> float:
        return float(self.bound.total) / self.error


@jax.jit
def _judged(exact: Problem, x: jax.Array, v: jax.Array) -> tuple[jax.Array, ErrorBound]:
    g = outer_gradient(x, exact.truth)
    error = jnp.linalg.norm(pulled(exact.lower, x, v) - exact.z)
    return error, error_bound(exact.lower, x, g, v, 2 / SIZE)


def judged(exact: Problem, x: jax.Array, v: jax.Array) -> Judged:
    error, bound = _judged(exact, x, v)
    return Judged(float(error), bound)


def noise(seed: int, size: float) -> jax.Array:
    drawn = np.random.default_rng([seed, 11]).normal(size=SHAPE)
    return jnp.asarray(size * drawn / np.linalg.norm(drawn))


def test_the_bound_holds_on_random_problems_and_is_within_a_hundred_in_the_median():
    ratios = []
    for seed in range(6):
        for potential in POTENTIALS[:2]:
            exact = problem(seed, potential)
            scale = float(jnp.linalg.norm(exact.v))
            for of_x, of_v in ((1e-1, 0), (1e-4, 1e-1), (1e-6, 1e-6), (1e-3, 1e-2), (1e-9, 1e-3)):
                x = exact.x + noise(seed, of_x)
                ratios.append(judged(exact, x, exact.v + noise(seed + 100, of_v * scale)).ratio)
    assert min(ratios) >= 1, sorted(ratios)[:3]
    assert np.median(ratios) <= 100, np.median(ratios)


def test_the_adjoint_alone():
    exact = problem(1)
    found = judged(exact, exact.x, exact.v + noise(0, 1e-3))
    assert float(found.bound.adjoint) >= found.error > 1e-6
    assert float(found.bound.adjoint) <= 100 * found.error
    assert float(found.bound.lower_level + found.bound.outer) <= 1e-6 * found.error
    assert float(found.bound.adjoint_distance) >= 1e-3


@pytest.mark.parametrize("A", [Identity(), Blur(jnp.array([[0, 0.1, 0], [0, 1, 0.1], [0, 0, 0]]))])
def test_the_lower_level_alone(A):
    """The adjoint is exact at the wrong x, once with its own cotangent and once with the true one."""
    exact = problem(2, A=A)
    x = exact.x + noise(0, 1e-4)
    v = adjoint(exact.lower, x, outer_gradient(x, exact.truth))
    found = judged(exact, x, v)
    assert float(found.bound.adjoint) <= 1e-9 * float(found.bound.total)
    assert 1 <= found.ratio <= 1000
    assert float(found.bound.distance) >= 1e-4
    assert float(found.bound.adjoint_distance) >= float(jnp.linalg.norm(v - exact.v))
    # Every part is needed: here x alone moves, and the cotangent is a constant.
    g = outer_gradient(exact.x, exact.truth)
    v = adjoint(exact.lower, x, g)
    bound = jax.jit(error_bound)(exact.lower, x, g, v)
    assert float(bound.outer) == 0
    assert float(bound.lower_level) >= float(jnp.linalg.norm(pulled(exact.lower, x, v) - exact.z))


def test_a_cotangent_from_elsewhere_counts_with_its_distance():
    exact = problem(4)
    held = exact.x + noise(0, 1e-2)
    g = outer_gradient(held, exact.truth)
    v = adjoint(exact.lower, exact.x, g)
    error = float(jnp.linalg.norm(pulled(exact.lower, exact.x, v) - exact.z))
    bound = jax.jit(error_bound)
    assert float(bound(exact.lower, exact.x, g, v, 2 / SIZE, 0.0).total) < error
    assert float(bound(exact.lower, exact.x, g, v, 2 / SIZE, 1e-2).total) >= error


def test_a_batch_is_a_loop():
    exact = [problem(seed) for seed in range(3)]
    points = [(one.x + noise(seed, 1e-3), one.v + noise(seed, 1e-5)) for seed, one in enumerate(exact)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *exact)
    batch = jax.vmap(_judged)(stacked, *map(jnp.stack, zip(*points, strict=True)))[1].total
    loop = [float(judged(one, *point).bound.total) for one, point in zip(exact, points, strict=True)]
    np.testing.assert_allclose(batch, loop, rtol=1e-10)


def test_where_there_is_no_bound_a_sentence_says_why():
    y = jnp.ones(SHAPE)
    assert no_error_bound(LowerLevel(Identity(), y, experts(0))) is None
    nonconvex = LowerLevel(Identity(), y, experts(0, Lorentzian()))
    assert "Lorentzian() is not convex" in (no_error_bound(nonconvex) or "")
    masked = LowerLevel(Mask(y), y, experts(0))
    assert "Mask may have a null space" in (no_error_bound(masked) or "")
    l1 = LowerLevel(Identity(), jnp.ones(8), AnalysisL1.initial((8,), 0))
    assert "AnalysisL1 does not bound how its Hessian varies" in (no_error_bound(l1) or "")
    with pytest.raises(ValueError, match="null space"):
        error_bound(masked, y, y, y)


def test_a_custom_potential_needs_its_third_derivative():
    @dataclasses.dataclass(frozen=True)
    class Square:
        convex = True
        curvature = 1.0

        def value(self, t):
            return 0.5 * t**2

        def derivative(self, t):
            return t

    lower = LowerLevel(Identity(), jnp.ones(SHAPE), experts(0, Square()))
    assert "has no bound of its third derivative" in (no_error_bound(lower) or "")
