"""Projections on the null space of active rows: by steps or by a factorisation, one or a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad.l1.active_rows import project_dense
from hypergrad_bench.hypergrad.l1.compact_cholesky import compact_cholesky, compiled_sizes
from hypergrad_bench.hypergrad.l1.conjugate_steps import MOST_STEPS, conjugate_steps
from hypergrad_bench.hypergrad.l1.shared_matrix import project_many

GENERATOR = np.random.default_rng(0)
K, N = 96, 100
CLUSTERED = 0.1 * (np.eye(K, N) - np.full((K, N), 1 / N))
SPREAD = GENERATOR.normal(size=(K, N))
SMALL, LARGE = compiled_sizes(K)
ACTIVE = {"none": 0, "one": 1, "those of the small size": SMALL, "one more": SMALL + 1, "all": K}


def active_rows(count: int, seed: int = 0) -> np.ndarray:
    chosen = np.random.default_rng(seed).permutation(K)[:count]
    return np.isin(np.arange(K), chosen)


def drawn(*shape: int, seed: int = 1) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def by_hand(matrix: np.ndarray, active: np.ndarray, g: np.ndarray, below: np.ndarray) -> tuple:
    """Return v and the smallest mu from a pseudo-inverse of the active rows."""
    rows = matrix[active]
    mu = np.zeros(len(matrix))
    mu[active] = np.linalg.pinv(rows @ rows.T) @ (rows @ g - below[active])
    return g - mu @ matrix, mu


@pytest.mark.parametrize("count", ACTIVE.values(), ids=ACTIVE)
@pytest.mark.parametrize("matrix", [CLUSTERED, SPREAD], ids=["clustered", "spread"])
def test_the_projection_is_that_of_a_pseudo_inverse(matrix, count):
    active, g, below = active_rows(count), drawn(N), 0.01 * drawn(K, seed=2)
    found = jax.jit(project_dense)(
        jnp.asarray(matrix), jnp.asarray(active), jnp.asarray(g), jnp.asarray(below)
    )
    v, mu = by_hand(matrix, active, g, below)
    np.testing.assert_allclose(found.v, v, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.mu, mu, rtol=0, atol=1e-12 * (1 + np.abs(mu).max()))
    assert int(found.account.active_size) == int(found.account.active_rank) == count
    assert bool(found.account.converged)
    assert float(found.account.residual) <= 1e-13 * (1 + np.abs(mu).max())


def test_few_clusters_of_eigenvalues_need_few_steps_and_many_a_factorisation():
    active, g, below = (jnp.asarray(one) for one in (active_rows(40), drawn(N), np.zeros(K)))
    few = project_dense(jnp.asarray(CLUSTERED), active, g, below)
    many = project_dense(jnp.asarray(SPREAD), active, g, below)
    assert int(few.account.steps) <= 3
    assert int(many.account.steps) == MOST_STEPS + 1


@pytest.mark.parametrize("count", ACTIVE.values(), ids=ACTIVE)
def test_both_sizes_of_the_factorisation_solve_alike(count):
    active, g, below = active_rows(count), drawn(N), 0.01 * drawn(K, seed=2)
    found = compact_cholesky(
        jnp.asarray(SPREAD),
        jnp.asarray(active[None]),
        jnp.asarray(g[None, None]),
        jnp.asarray(below[None, None]),
    )
    np.testing.assert_allclose(found[0, 0], by_hand(SPREAD, active, g, below)[1], rtol=0, atol=1e-11)


def test_the_size_is_chosen_inside_the_program():
    assert (SMALL, LARGE) == (24, 96)
    assert compiled_sizes(95) == [95]


def one_member(matrix, active, g, below):
    found = project_dense(matrix, active, g, below)
    return found.v, found.mu


BATCHES = {
    "of active rows": (None, 0, 0, 0),
    "of right-hand sides": (None, None, 0, 0),
    "of one right-hand side": (None, None, 0, None),
    "of active rows alone": (None, 0, None, None),
    "of matrices": (0, None, None, 0),
    "of everything": (0, 0, 0, 0),
}


@pytest.mark.parametrize("axes", BATCHES.values(), ids=BATCHES)
def test_a_batch_is_its_members(axes):
    # The first member is solved by steps where the matrices are a batch, the others by a factorisation.
    whole = (
        jnp.asarray(np.stack([CLUSTERED, SPREAD, 2 * SPREAD])),
        jnp.asarray(np.stack([active_rows(count, count) for count in (0, 10, 60)])),
        jnp.asarray(drawn(3, N)),
        jnp.asarray(0.01 * drawn(3, K)),
    )
    given = [one if axis == 0 else one[1] for one, axis in zip(whole, axes, strict=True)]
    found = jax.jit(jax.vmap(one_member, in_axes=axes))(*given)
    for member in range(3):
        alone = [one[member] if axis == 0 else one for one, axis in zip(given, axes, strict=True)]
        for together, by_itself in zip(found, one_member(*alone), strict=True):
            np.testing.assert_allclose(together[member], by_itself, rtol=0, atol=1e-11)


def test_a_batch_of_batches_is_its_members():
    matrix = jnp.asarray(SPREAD)
    active = jnp.asarray(np.stack([active_rows(count, count) for count in (10, 60)]))
    g, below = jnp.asarray(drawn(2, 3, N)), jnp.zeros(K)
    inner = jax.vmap(one_member, in_axes=(None, None, 0, None))
    found = jax.jit(jax.vmap(inner, in_axes=(None, 0, 0, None)))(matrix, active, g, below)
    for first in range(2):
        for second in range(3):
            alone = one_member(matrix, active[first], g[first, second], below)
            for together, by_itself in zip(found, alone, strict=True):
                np.testing.assert_allclose(together[first, second], by_itself, rtol=0, atol=1e-11)


@pytest.mark.parametrize("axes", [(None, 0, 0, 0), (None, None, 0, 0), (0, 0, 0, 0)], ids=str)
def test_a_batch_still_chooses_inside_the_program(axes):
    """A branch under `vmap` would be a choice between two results that are both computed."""
    shapes = ((K, N), (1, K), (1, 1, N), (1, 1, K))
    kinds = (jnp.float64, jnp.bool_, jnp.float64, jnp.float64)
    given = [
        jax.ShapeDtypeStruct(shape if axis is None else (3, *shape), kind)
        for shape, kind, axis in zip(shapes, kinds, axes, strict=True)
    ]
    text = jax.jit(jax.vmap(project_many, in_axes=axes)).lower(*given).as_text()
    assert text.count("stablehlo.case") == 2
    assert text.count("custom_call @lapack_dpotrf") == 2


def test_dependent_rows_more_than_unknowns():
    matrix = np.vstack([SPREAD, SPREAD[::-1], 0.5 * SPREAD])
    g, below = drawn(N), np.zeros(3 * K)
    active = np.ones(3 * K, bool)
    found = jax.jit(project_dense)(*(jnp.asarray(one) for one in (matrix, active, g, below)))
    np.testing.assert_allclose(found.v, by_hand(matrix, active, g, below)[0], rtol=0, atol=1e-10)
    assert int(found.account.active_rank) == K


def test_what_is_not_finite_is_not_a_projection():
    g = jnp.asarray(drawn(N)).at[3].set(jnp.nan)
    found = project_dense(jnp.asarray(SPREAD), jnp.asarray(active_rows(20)), g, jnp.zeros(K))
    assert np.isnan(found.v).any()
    assert not bool(found.account.converged)


def test_rows_that_contradict_each_other_are_not_solved():
    matrix = jnp.asarray(np.vstack([SPREAD[:2], SPREAD[:1]]))
    found = project_dense(matrix, jnp.ones(3, bool), jnp.zeros(N), jnp.asarray([1.0, 0.0, -1.0]))
    assert not bool(found.account.converged)


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e15], ids=str)
@pytest.mark.parametrize("matrix", [CLUSTERED, SPREAD], ids=["clustered", "spread"])
def test_no_unit_of_the_rows_passes_for_solved_in_float32(matrix, unit):
    active, g = active_rows(30), drawn(N)
    rows = jnp.asarray(unit * matrix, jnp.float32)
    found = project_dense(rows, jnp.asarray(active), jnp.asarray(g, jnp.float32), jnp.zeros(K, jnp.float32))
    np.testing.assert_allclose(found.v, by_hand(matrix, active, g, np.zeros(K))[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e15], ids=str)
def test_steps_say_that_they_are_not_enough_in_float32(unit):
    rows, active = jnp.asarray(unit * SPREAD, jnp.float32), jnp.asarray(active_rows(30))
    found, solved = conjugate_steps(
        rows, active, jnp.asarray(drawn(N), jnp.float32), jnp.zeros(K, jnp.float32)
    )
    assert int(found.steps) == MOST_STEPS
    assert not bool(solved)
