"""A batch whose members are solved one after the other gives what a loop gives, each with its own steps."""

import jax
import jax.numpy as jnp
import numpy as np

from hypergrad_bench.hypergrad import ClosedForm, hypergradient
from hypergrad_bench.problems import AnalysisL1, Denoising, LowerLevel, PiecewiseConstant, measure
from hypergrad_bench.solvers import ActiveSet, Budget, solve
from hypergrad_bench.solvers.batching import one_at_a_time

BUDGET = Budget(max_steps=30, tolerance=1e-12)


def _count(limit):
    return jax.lax.while_loop(lambda carry: carry[0] < limit, lambda carry: (carry[0] + 1, limit), (0, limit))


def test_a_batch_and_a_batch_of_batches_are_loops():
    counted = one_at_a_time(lambda limit, shift: _count(limit)[0] + shift)
    limits = jnp.arange(6)
    np.testing.assert_array_equal(jax.vmap(counted, (0, None))(limits, 3), limits + 3)
    nested = jax.vmap(jax.vmap(counted, (0, None)), (0, 0))(limits.reshape(2, 3), jnp.asarray([10, 20]))
    np.testing.assert_array_equal(nested, limits.reshape(2, 3) + np.asarray([[10], [20]]))


def test_members_follow_each_other():
    counted = one_at_a_time(lambda limit: _count(limit)[0])
    together = str(jax.make_jaxpr(jax.vmap(lambda limit: _count(limit)[0]))(jnp.arange(4)))
    apart = str(jax.make_jaxpr(jax.vmap(counted))(jnp.arange(4)))
    assert "scan" in apart
    assert "scan" not in together


def test_solutions_and_hypergradients_of_a_batch_are_those_of_a_loop():
    A, y = measure(Denoising(), PiecewiseConstant().sample((16,), 3, 0), 0)
    regularizer = AnalysisL1.initial((16,), 0)

    def run(y):
        return solve(ActiveSet(), BUDGET, LowerLevel(A, y, regularizer))

    def gradient(y):
        lower = LowerLevel(A, y, regularizer)
        return hypergradient(ClosedForm(), ActiveSet(), BUDGET, lower, jnp.sum).gradient

    together = jax.jit(jax.vmap(run))(y)
    assert bool(jnp.all(together.certificate.certified))
    gradients = jax.jit(jax.vmap(gradient))(y)
    one, one_gradient = jax.jit(run), jax.jit(gradient)
    for index in range(3):
        alone = one(y[index])
        np.testing.assert_allclose(together.x[index], alone.x, atol=1e-13)
        assert int(together.steps[index]) == int(alone.steps)
        for batched, single in zip(
            jax.tree.leaves(gradients), jax.tree.leaves(one_gradient(y[index])), strict=True
        ):
            np.testing.assert_allclose(batched[index], single, atol=1e-11)
