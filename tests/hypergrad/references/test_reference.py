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
    certified_solution,
    disagreement,
    random_directions,
    reference,
    reference_rung,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    Inpainting,
    LowerLevel,
    WaveletL12,
)
from hypergrad_bench.solvers import ActiveSet, Budget, PrimalDualPair

CLOSED_FORM = "closed form on a certified solution"
N, SHAPE = 16, (5, 6)
COUNT = 8


def _outer(x: jax.Array) -> jax.Array:
    return jnp.mean((x - 0.3) ** 2)


def _lower(task: object, regularizer: type, shape: tuple[int, ...], seed: int = 0) -> LowerLevel:
    y = np.random.default_rng(seed).normal(size=shape)
    return LowerLevel(task.operator(shape, 1), jnp.asarray(y), regularizer.initial(shape, seed))


_reference = jax.jit(lambda lower, directions: reference(lower, _outer, directions))
_certified = jax.jit(certified_solution)

CASES = {
    "l1 denoising": (Denoising(), AnalysisL1, (N,), CLOSED_FORM),
    "l1 deconvolution": (Deconvolution(), AnalysisL1, (N,), CLOSED_FORM),
    "experts inpainting": (Inpainting(), FieldsOfExperts, SHAPE, "dense implicit"),
    "wavelet l1,2 inpainting": (Inpainting(), WaveletL12, (8, 8), "dense implicit"),
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
    assert not bool(result.nonsmooth)
    assert 0 < float(disagreement(result.gradient, directions, result.differences.central)) <= 1e-6


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
    bound = float(disagreement(planted, directions, result.differences.central))
    # The largest of eight projections of the error on unit directions, times the root of the dimension.
    assert 0.5 * size <= bound <= 5 * size
    assert float(disagreement(_scaled(result.gradient, -1.0), directions, result.differences.central)) > 0.5


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
    for task in (Denoising(), Inpainting(), Deconvolution()):
        assert reference_rung(_lower(task, AnalysisL1, (600,))) == (CLOSED_FORM, True)
    # Up to 4096 unknowns, dense or in blocks of rows; the blocks have at most 1024 pixels.
    for shape in ((64, 64), (15, 17), (4, 1024), (8, 512)):
        assert reference_rung(_lower(Denoising(), AnalysisL1, shape)) == (CLOSED_FORM, True)
    assert reference_rung(_lower(Denoising(), AnalysisL1, (64, 65))) == (
        "certifying 4160 unknowns takes too long",
        False,
    )
    large = _lower(Inpainting(), AnalysisL1, (68, 64))
    with pytest.raises(ValueError, match="certifying 4352 unknowns takes too long"):
        reference(large, _outer, large)


def test_the_tight_rung_agrees_with_the_dense_one(monkeypatch):
    lower = _lower(Inpainting(), FieldsOfExperts, SHAPE)
    directions = random_directions(lower, 1, 0, ("y", "regularizer"))
    dense = _reference(lower, directions)
    # The package's attribute of that name is the function.
    module = importlib.import_module("hypergrad_bench.hypergrad.references.reference")
    monkeypatch.setattr(module, "LARGEST_DENSE", 10)
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
    result = _certified(lower, PrimalDualPair(jnp.full(N, start), jnp.full(N - 1, start)))
    assert bool(result.certificate.certified)
    assert float(result.certificate.violation) <= 1e-12
    W, weight = np.asarray(lower.regularizer.W.matrix), np.full(N - 1, 0.1)
    optimal_by_hand(W, weight, np.asarray(lower.y), np.asarray(result.point.x), np.asarray(result.point.u))
    np.testing.assert_array_equal(np.abs(np.asarray(result.point.u)) < weight, result.point.active)


def test_an_image_that_the_filters_annihilate_is_certified():
    # The systems of all rows are singular, and every response is rounding.
    lower = _lower(Deconvolution(), AnalysisL1, (6, 6))
    assert isinstance(lower.regularizer.W, FilterBank)
    regularizer = AnalysisL1(_zero_mean(lower.regularizer.W), jnp.asarray(10.0, jnp.float64))
    result = _certified(lower.replace(y=lower.y + 3, regularizer=regularizer))
    assert bool(result.certificate.certified)
    assert bool(jnp.all(result.point.active))
    np.testing.assert_allclose(result.point.x, float(jnp.mean(lower.y + 3)), atol=1e-9)


def _zero_mean(W: FilterBank) -> FilterBank:
    return FilterBank(W.filters - jnp.mean(W.filters, axis=(1, 2), keepdims=True))


def test_what_is_not_solved_is_not_certified(monkeypatch):
    # Two steps of each kind from far off; the package's attribute of that name is the function.
    module = importlib.import_module("hypergrad_bench.hypergrad.l1.certified_solution")
    monkeypatch.setattr(module, "BUDGET", Budget(1, 0.0, 1))
    monkeypatch.setattr(module, "ActiveSet", lambda: ActiveSet(start_budget=Budget(1, 0.0), newton_steps=1))
    lower = _lower(Denoising(), AnalysisL1, (N,), seed=2)
    start = PrimalDualPair(jnp.full(N, 50.0), jnp.full(N - 1, 50.0))
    result = jax.jit(lambda *given: certified_solution(*given))(lower, start)
    assert not bool(result.certificate.certified)
    assert 1e-10 < float(result.certificate.violation) < np.inf


def _rows(W: np.ndarray, weight: float, seed: int = 0) -> LowerLevel:
    y = 0.3 * np.random.default_rng(seed).normal(size=16) + np.repeat([0.0, 1.0], 8)
    regularizer = AnalysisL1(Dense(jnp.asarray(W)), jnp.asarray(weight, jnp.float64))
    return LowerLevel(Identity(), jnp.asarray(y), regularizer)


def _judge(lower: LowerLevel) -> tuple[Reference, int, int]:
    """The reference, how many rows are active, and their rank."""
    result = _reference(lower, random_directions(lower, 3, 0, ("regularizer",)))
    assert bool(result.trusted)
    W = np.asarray(lower.regularizer.W.matrix)
    active = np.abs(W @ np.asarray(result.x)) < 1e-9
    return result, int(active.sum()), int(np.linalg.matrix_rank(W[active]))


def _sides_differ(result: Reference) -> bool:
    central, left, right = (np.asarray(one) for one in result.differences[:3])
    np.testing.assert_allclose(central, (left + right) / 2, rtol=1e-9, atol=1e-12)
    return bool(np.max(np.abs(left - right)) > 1e-4)


def test_total_variation_has_a_kink_where_a_region_is_flat():
    steps, same = np.diff(np.eye(4), axis=0), np.eye(4)
    W = np.vstack([np.kron(steps, same), np.kron(same, steps)])
    result, active, rank = _judge(_rows(W, 0.5))
    assert active > rank
    assert bool(result.nonsmooth)
    assert _sides_differ(result)
    # With a smaller weight no region is flat whose differences add up to zero.
    result, active, rank = _judge(_rows(W, 0.05))
    assert active == rank > 0
    assert not bool(result.nonsmooth)
    assert not _sides_differ(result)


def test_a_repeated_row_has_a_kink_where_it_is_active():
    W = np.random.default_rng(0).normal(size=(24, 16))
    lower = _rows(W, 0.02)
    result, active, rank = _judge(lower)
    assert active == rank > 0
    assert not bool(result.nonsmooth)
    assert not _sides_differ(result)
    zero = np.abs(W @ np.asarray(result.x)) < 1e-9
    (first, *_), (one, other, *_) = np.flatnonzero(zero), np.flatnonzero(~zero)
    for copied, kink in ((first, True), (other, False)):
        repeated = W.copy()
        repeated[one] = W[copied]
        result, active, rank = _judge(_rows(repeated, 0.02))
        assert (active > rank) == kink
        assert bool(result.nonsmooth) == kink
        assert _sides_differ(result) == kink


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
    found = _differences(_wave, lower, directions)
    np.testing.assert_allclose(found.central, expected, rtol=1e-8)
    for side in (found.left, found.right):
        np.testing.assert_allclose(side, expected, atol=1e-3)


def test_steps_at_which_the_loss_is_not_a_number_are_left_out():
    lower = _lower(Denoising(), AnalysisL1, (N,))
    directions = random_directions(lower, 4, 0, ("y",))

    def fragile(moved: LowerLevel) -> jax.Array:
        return jnp.where(jnp.linalg.norm(moved.y - lower.y) > 3e-5, jnp.nan, _wave(moved))

    expected = np.asarray(directions.y) @ (3 * np.cos(3 * np.asarray(lower.y)))
    np.testing.assert_allclose(_differences(fragile, lower, directions).central, expected, rtol=1e-7)


def _kinked(lower: LowerLevel) -> jax.Array:
    return jnp.sum(lower.y) + 2 * jnp.abs(lower.y[0])


def test_differences_from_both_sides_at_a_kink():
    lower = _lower(Denoising(), AnalysisL1, (N,))
    lower = lower.replace(y=lower.y.at[0].set(0.0))
    directions = random_directions(lower, 4, 0, ("y",))
    found, d = _differences(_kinked, lower, directions), np.asarray(directions.y)
    np.testing.assert_allclose(found.right, d.sum(axis=1) + 2 * np.abs(d[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(found.left, d.sum(axis=1) - 2 * np.abs(d[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(found.central, d.sum(axis=1), rtol=1e-6)
