"""Stationary points of energies that are not convex: a saddle is no solution."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.grid.case import Instance
from hypergrad_bench.bench.grid.inputs import Inputs
from hypergrad_bench.bench.measure.accuracy import References
from hypergrad_bench.bench.measure.program import Compiler
from hypergrad_bench.hypergrad import random_directions, reference
from hypergrad_bench.hypergrad.references.stationary_point import dense_curvature, lanczos_curvature
from hypergrad_bench.problems import (
    Denoising,
    FieldsOfExperts,
    Inpainting,
    Lorentzian,
    LowerLevel,
    Mask,
    Photographs,
    WeaklyConvexRidge,
    measure,
)
from hypergrad_bench.solvers import Budget, GradientDescent, Lbfgs, Nesterov, Outcome, solve

SHAPE = (3, 8)


def _outer(x: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(x - 0.3))


def _torn(shape: tuple[int, int] = SHAPE, tilt: float = 0.0) -> LowerLevel:
    """Minus one on the left, plus one on the right, and the columns between unknown: which side they join.

    Without a tilt the image is odd about the column w/2, and every iteration keeps it so.
    """
    middle = shape[1] // 2
    columns = np.arange(shape[1])
    known = (columns % middle != 0).astype(np.float64)
    y = known * np.where(columns < middle, -1.0, 1.0)
    y[middle - 1] += tilt
    differences = np.zeros((2, 2, 2))
    differences[0, 0], differences[1, :, 0] = [-1, 1], [-1, 1]
    experts = FieldsOfExperts(jnp.asarray(differences), jnp.asarray([0.5, 0.3]), Lorentzian(0.1))
    return LowerLevel(
        Mask(jnp.asarray(np.tile(known, (shape[0], 1)))), jnp.asarray(np.tile(y, (shape[0], 1))), experts
    )


@partial(jax.jit, static_argnums=(0, 1))
def _solved(solver, budget, lower):
    return solve(solver, budget, lower)._replace(state=None)


@jax.jit
def _reference(lower, directions):
    return reference(lower, _outer, directions)


def _hessian(lower: LowerLevel, x: np.ndarray) -> np.ndarray:
    """By central differences of the gradient."""
    columns = []
    for index in range(x.size):
        move = np.zeros(x.size)
        move[index] = 1e-5
        ahead, behind = (lower.gradient(jnp.asarray(x + s * move.reshape(x.shape))) for s in (1, -1))
        columns.append(np.ravel(ahead - behind) / 2e-5)
    return np.stack(columns)


@pytest.mark.parametrize("solver", [Nesterov(), GradientDescent(), Lbfgs()], ids=repr)
def test_solvers_end_at_the_saddle(solver):
    """What is judged below does happen: the solve converges, to no minimiser."""
    found = _solved(solver, Budget(20_000, 1e-10, 10), _torn())
    assert int(found.status) == Outcome.CONVERGED
    assert np.linalg.eigvalsh(_hessian(_torn(), np.asarray(found.x)))[0] < -0.01


def test_a_saddle_is_not_trusted():
    lower = _torn()
    found = _reference(lower, random_directions(lower, 2, 0, ("regularizer",)))
    eigenvalues = np.linalg.eigvalsh(_hessian(lower, np.asarray(found.x)))
    assert float(jnp.linalg.norm(lower.gradient(found.x))) < 1e-9
    assert bool(found.saddle)
    assert not bool(found.trusted)
    assert float(found.curvature.smallest) == pytest.approx(eigenvalues[0], abs=1e-7)
    assert float(found.curvature.largest) == pytest.approx(eigenvalues[-1], abs=1e-7)


def test_a_minimiser_of_the_same_energy_is_trusted():
    lower = _torn(tilt=0.05)
    found = _reference(lower, random_directions(lower, 2, 0, ("regularizer",)))
    eigenvalues = np.linalg.eigvalsh(_hessian(lower, np.asarray(found.x)))
    assert eigenvalues[0] > 0.01
    assert bool(found.trusted)
    assert not bool(found.saddle)
    assert float(found.curvature.smallest) == pytest.approx(eigenvalues[0], abs=1e-7)


def test_convex_energies_are_not_looked_at():
    A, y = measure(Denoising(), Photographs().sample((5, 6), 1, 0), 0)
    lower = LowerLevel(A, y[0], FieldsOfExperts.initial((5, 6), 0))
    found = _reference(lower, random_directions(lower, 1, 0, ("regularizer",)))
    assert found.curvature is None
    assert bool(found.trusted)
    assert not bool(found.saddle)
    ridge = lower.replace(regularizer=WeaklyConvexRidge.initial((5, 6), 0))
    shape = jax.eval_shape(_reference, ridge, random_directions(ridge, 1, 0, ("regularizer",)))
    assert shape.curvature is not None


def test_products_alone_find_the_ends_of_the_spectrum():
    lower = _torn((6, 12))
    x = _solved(Nesterov(), Budget(20_000, 1e-10, 10), lower).x
    dense, lanczos = (jax.jit(one)(lower, x) for one in (dense_curvature, lanczos_curvature))
    assert float(dense.smallest) < -0.01
    assert float(lanczos.smallest) == pytest.approx(float(dense.smallest), rel=1e-8)
    assert float(lanczos.largest) == pytest.approx(float(dense.largest), rel=1e-8)


def test_a_large_saddle_is_found_by_products():
    """Beyond the sizes at which a matrix is built."""
    lower = _torn((24, 48))
    found = _reference(lower, random_directions(lower, 1, 0, ("regularizer",)))
    assert bool(found.saddle)
    assert not bool(found.trusted)


def test_rounding_around_zero_is_no_saddle():
    """A singular Hessian: two columns that nothing holds."""
    lower = _torn(tilt=0.05)
    idle = dataclasses.replace(lower.regularizer, weights=jnp.zeros(2))
    curvature = dense_curvature(lower.replace(regularizer=idle), lower.y)
    assert abs(float(curvature.smallest)) < 1e-12
    assert not bool(curvature.is_saddle)


def test_the_bench_says_how_many_and_shows_no_accuracy():
    odd, tilted = _torn(), _torn(tilt=0.05)
    y = jnp.stack([odd.y, tilted.y, odd.y])
    inputs = Inputs(odd.A, y, odd.regularizer, jnp.zeros_like(y))
    instance = Instance(Inpainting(), FieldsOfExperts, None, Photographs(), SHAPE, 3, "float64", 0)
    found = References(Compiler()).find(instance, inputs)
    x = _solved(Nesterov(), Budget(20_000, 1e-10, 10), odd).x
    eigenvalues = np.linalg.eigvalsh(_hessian(odd, np.asarray(x)))
    assert found.reference == (
        "no reference: 2 of 3 solutions are saddle points; the smallest eigenvalue of a Hessian is "
        f"{eigenvalues[0]:.3g}, its largest {eigenvalues[-1]:.3g}"
    )
    assert found.gradient is None
    # The minimiser by itself has one.
    alone = References(Compiler()).find(
        dataclasses.replace(instance, batch=1),
        inputs._replace(y=tilted.y[None], truths=jnp.zeros((1, *SHAPE))),
    )
    assert alone.reference == "dense implicit"
