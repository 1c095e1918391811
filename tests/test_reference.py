"""The reference ladder: its rungs, its bound, its certificate and its central differences."""

import importlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from l1_by_hand import gradients_by_hand, optimal_by_hand, solve_by_hand

from hypergrad_bench.hypergrad import (
    Reference,
    central_differences,
    certify_l1,
    disagreement,
    random_directions,
    reference,
    reference_rung,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    FilterBank,
    Identity,
    Inpainting,
    LowerLevel,
    PiecewiseConstant,
)

CLOSED_FORM = "closed form on a certified solution"
N, SHAPE = 16, (5, 6)
COUNT = 8


def _outer(x: jax.Array) -> jax.Array:
    return jnp.mean((x - 0.3) ** 2)


def _lower(task: object, regularizer: type, shape: tuple[int, ...], seed: int = 0) -> LowerLevel:
    y = np.random.default_rng(seed).normal(size=shape)
    return LowerLevel(task.operator(shape, 1), jnp.asarray(y), regularizer.initial(shape, seed))


_reference = jax.jit(lambda lower, directions: reference(lower, _outer, directions))
_certify = jax.jit(certify_l1)

CASES = {
    "l1 denoising": (Denoising(), AnalysisL1, (N,), CLOSED_FORM),
    "l1 deconvolution": (Deconvolution(), AnalysisL1, (N,), CLOSED_FORM),
    "experts inpainting": (Inpainting(), FieldsOfExperts, SHAPE, "dense implicit"),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def judged(request: pytest.FixtureRequest) -> tuple[LowerLevel, Reference, LowerLevel]:
    """A lower level, its reference, and the directions by which it is judged."""
    *problem, rung = request.param
    lower = _lower(*problem)
    assert reference_rung(lower) == (rung, True)
    directions = random_directions(lower, COUNT, 0, ("y", "regularizer"))
    return lower, _reference(lower, directions), directions


def test_a_reference_agrees_with_its_differences(judged):
    lower, result, directions = judged
    assert bool(result.trusted)
    assert float(result.value) == pytest.approx(float(_outer(result.x)), rel=1e-14)
    assert jax.tree.structure(result.gradient) == jax.tree.structure(lower)
    assert 0 < float(disagreement(result.gradient, directions, result.differences)) <= 1e-6


@pytest.mark.parametrize("size", [1e-1, 1e-3, 1e-5])
def test_the_bound_is_of_the_order_of_a_planted_error(judged, size):
    _, result, directions = judged
    generator = np.random.default_rng(1)

    def disturb(leaf: jax.Array) -> jax.Array:
        return jnp.asarray(generator.normal(size=leaf.shape))

    moving = {"y", "regularizer"}
    noise = jax.tree_util.tree_map_with_path(
        lambda path, leaf: disturb(leaf) if path[0].name in moving else jnp.zeros_like(leaf), result.gradient
    )
    relative = size * _norm(result.gradient) / _norm(noise)
    planted = jax.tree.map(lambda leaf, error: leaf + relative * error, result.gradient, noise)
    bound = float(disagreement(planted, directions, result.differences))
    # The largest of eight projections of the error on unit directions, times the root of the dimension.
    assert 0.5 * size <= bound <= 5 * size
    assert float(disagreement(_scaled(result.gradient, -1.0), directions, result.differences)) > 0.5


def _norm(gradient: LowerLevel) -> float:
    # A is not moved by the directions, so that its cotangent is not judged.
    leaves = jax.tree.leaves((gradient.y, gradient.regularizer))
    return float(np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves)))


def _scaled(gradient: LowerLevel, factor: float) -> LowerLevel:
    return jax.tree.map(lambda leaf: factor * leaf, gradient)


def test_the_closed_form_rung_is_the_projection_formula():
    lower = _lower(Denoising(), AnalysisL1, (N,))
    directions = random_directions(lower, COUNT, 0, ("y", "regularizer"))
    result = _reference(lower, directions)
    W, weight, y = (np.asarray(leaf) for leaf in (*jax.tree.leaves(lower.regularizer), lower.y))
    solved = solve_by_hand(W, weight, y)
    np.testing.assert_allclose(result.x, solved.x, atol=1e-13)
    by_hand = gradients_by_hand(W, weight, y, solved, 2 * (solved.x - 0.3) / N)
    ours = (result.gradient.regularizer.W.matrix, result.gradient.regularizer.weight, result.gradient.y)
    for leaf, expected in zip(ours, by_hand, strict=True):
        np.testing.assert_allclose(leaf, expected, atol=1e-12)


def test_rungs_follow_type_and_size():
    assert reference_rung(_lower(Denoising(), FieldsOfExperts, (32, 32))) == ("dense implicit", True)
    assert reference_rung(_lower(Denoising(), FieldsOfExperts, (32, 33))) == ("tight implicit", True)
    assert reference_rung(_lower(Denoising(), AnalysisL1, (600,))) == (CLOSED_FORM, True)
    assert reference_rung(_lower(Denoising(), AnalysisL1, (601,))) == (
        "certifying 601 unknowns and 600 rows densely is too large",
        False,
    )
    assert reference_rung(_lower(Denoising(), AnalysisL1, (11, 12))) == (CLOSED_FORM, True)
    large = _lower(Denoising(), AnalysisL1, (12, 12))
    assert reference_rung(large) == ("certifying 144 unknowns and 1152 rows densely is too large", False)
    with pytest.raises(ValueError, match="certifying 144 unknowns and 1152 rows densely is too large"):
        reference(large, _outer, large)


def test_the_tight_rung_agrees_with_the_dense_one(monkeypatch):
    lower = _lower(Inpainting(), FieldsOfExperts, SHAPE)
    directions = random_directions(lower, 1, 0, ("y", "regularizer"))
    dense = _reference(lower, directions)
    # The package's attribute of that name is the function.
    monkeypatch.setattr(importlib.import_module("hypergrad_bench.hypergrad.reference"), "LARGEST_DENSE", 10)
    assert reference_rung(lower) == ("tight implicit", True)
    tight = jax.jit(lambda lower, directions: reference(lower, _outer, directions))(lower, directions)
    assert bool(tight.trusted)
    for leaf, expected in zip(jax.tree.leaves(tight.gradient), jax.tree.leaves(dense.gradient), strict=True):
        np.testing.assert_allclose(leaf, expected, atol=1e-11)


def test_a_reference_in_float32_is_refused():
    lower = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), _lower(Denoising(), AnalysisL1, (N,)))
    with pytest.raises(ValueError, match="a reference needs float64; got float32"):
        reference(lower, _outer, lower)


def test_no_rung_covers_a_regularizer_that_is_neither_smooth_nor_l1():
    class Unknown:
        @classmethod
        def initial(cls, shape, seed):
            return cls()

        def value(self, x):
            return jnp.sum(jnp.abs(x))

    jax.tree_util.register_pytree_node(Unknown, lambda _: ((), None), lambda *_: Unknown())
    lower = LowerLevel(Identity(), jnp.ones(4), Unknown())
    assert reference_rung(lower) == ("no rung of the reference ladder covers Unknown", False)


@pytest.mark.parametrize("start", [0.0, 50.0, -3.0])
def test_what_is_certified_is_optimal(start):
    lower = _lower(Denoising(), AnalysisL1, (N,), seed=2)
    result = _certify(lower, jnp.full(N, start), jnp.full(N - 1, start))
    assert bool(result.certified)
    assert float(result.violation) <= 1e-12
    W, weight = np.asarray(lower.regularizer.W.matrix), np.full(N - 1, 0.1)
    optimal_by_hand(W, weight, np.asarray(lower.y), np.asarray(result.point.x), np.asarray(result.point.u))
    np.testing.assert_array_equal(np.abs(np.asarray(result.point.u)) < weight, result.point.active)


def test_a_start_from_which_the_active_set_does_not_settle_is_not_certified():
    n, seed = 64, 11
    truth = PiecewiseConstant().sample((n,), 1, seed)[0]
    y = truth + 0.1 * np.random.default_rng(seed).normal(size=n)
    lower = LowerLevel(Identity(), jnp.asarray(y), AnalysisL1.initial((n,), seed))
    # From zero the active-set iteration of this signal runs in a cycle, from y it settles.
    astray = _certify(lower, jnp.zeros(n), jnp.zeros(n - 1))
    assert not bool(astray.certified)
    assert 1e-3 < float(astray.violation) < np.inf
    assert bool(_certify(lower, lower.y, jnp.zeros(n - 1)).certified)


def test_a_singular_system_is_not_certified():
    lower = _lower(Deconvolution(), AnalysisL1, (6, 6))
    assert isinstance(lower.regularizer.W, FilterBank)
    result = _certify(lower, jnp.zeros((6, 6)), jnp.zeros((8, 6, 6)))
    assert not bool(result.certified)
    assert float(result.violation) == np.inf


def test_directions_are_of_unit_length_and_move_what_is_named():
    lower = _lower(Inpainting(), FieldsOfExperts, SHAPE)
    directions = random_directions(lower, 5, 0, ("A", "regularizer"))
    leaves = [np.asarray(leaf).reshape(5, -1) for leaf in jax.tree.leaves(directions)]
    np.testing.assert_allclose(sum(np.sum(leaf**2, axis=1) for leaf in leaves), 1, rtol=1e-14)
    assert not np.any(directions.y)
    assert all(np.all(np.any(np.asarray(leaf) != 0, axis=0)) for leaf in jax.tree.leaves(directions.A))
    again = random_directions(lower, 5, 0, ("A", "regularizer"))
    np.testing.assert_array_equal(again.A.mask, directions.A.mask)
    other = random_directions(lower, 5, 1, ("A", "regularizer"))
    assert not np.array_equal(other.A.mask, directions.A.mask)


@partial(jax.jit, static_argnums=0)
def _differences(loss, lower, directions):
    return central_differences(loss, lower, directions)


def _wave(lower: LowerLevel) -> jax.Array:
    return jnp.sum(jnp.sin(3 * lower.y))


def test_differences_of_a_function_with_a_known_derivative():
    lower = _lower(Denoising(), AnalysisL1, (N,))
    directions = random_directions(lower, 4, 0, ("y",))
    expected = np.asarray(directions.y) @ (3 * np.cos(3 * np.asarray(lower.y)))
    np.testing.assert_allclose(_differences(_wave, lower, directions), expected, rtol=1e-8)


def test_steps_at_which_the_loss_is_not_a_number_are_left_out():
    lower = _lower(Denoising(), AnalysisL1, (N,))
    directions = random_directions(lower, 4, 0, ("y",))

    def fragile(moved: LowerLevel) -> jax.Array:
        return jnp.where(jnp.linalg.norm(moved.y - lower.y) > 3e-5, jnp.nan, _wave(moved))

    expected = np.asarray(directions.y) @ (3 * np.cos(3 * np.asarray(lower.y)))
    np.testing.assert_allclose(_differences(fragile, lower, directions), expected, rtol=1e-7)
