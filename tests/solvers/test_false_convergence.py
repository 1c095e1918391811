"""What passes for a fixed point and is none: steps too large or too small to see, and accelerated points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixed_point_problems import Denoiser, solved

from hypergrad_bench.problems import Dense, Identity, LowerLevel, pytree
from hypergrad_bench.solvers import Anderson, Broyden, Budget, ForwardBackward, Outcome, Picard, solve

N = 8
BUDGET = Budget(500, 1e-6, 10)


@pytree
class Box:
    """A projection on a box, in place of a denoiser that clips: no move is larger than the box."""

    side: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a half."""
        del shape, seed
        return cls(jnp.asarray(0.5))

    def prox(self, x, step):
        """Clip."""
        del step
        return jnp.clip(x, -self.side, self.side)


def _boxed() -> tuple[LowerLevel, np.ndarray]:
    """Least squares in a box, and the solution by projected gradients in numpy."""
    matrix = np.random.default_rng(0).normal(size=(N + 1, N))
    y = 3 * np.random.default_rng(1).normal(size=N + 1)
    x, tau = np.zeros(N), 1 / np.linalg.norm(matrix, 2) ** 2
    for _ in range(20_000):
        x = np.clip(x - tau * matrix.T @ (matrix @ x - y), -0.5, 0.5)
    return LowerLevel(Dense(jnp.asarray(matrix)), jnp.asarray(y), Box.initial((), 0)), x


@pytest.mark.parametrize("scale", [1.0, 10.0, 1e3, 1e6, 1e8])
@pytest.mark.parametrize("make", [Picard, Anderson, Broyden])
def test_a_bounded_move_over_a_large_step_is_no_convergence(make, scale):
    lower, expected = _boxed()
    found = solved(make(step_scale=scale), BUDGET, lower)
    if int(found.status) == Outcome.CONVERGED:
        np.testing.assert_allclose(found.x, expected, atol=1e-4)
    if scale == 1.0:
        assert int(found.status) == Outcome.CONVERGED


@pytree
class Undefined:
    """Half a squared norm by its prox, with an energy that is not a number: no step is accepted."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a half."""
        del shape, seed
        return cls(jnp.asarray(0.5))

    def value(self, x):
        """Evaluate nothing."""
        return jnp.nan * jnp.sum(x)

    def prox(self, x, step):
        """Shrink."""
        return x / (1 + step * self.weight)


def test_a_step_too_small_to_move_is_no_convergence():
    y = jnp.asarray(np.random.default_rng(0).normal(size=N))
    lower = LowerLevel(Identity(), y, Undefined.initial((), 0))
    found = solved(ForwardBackward(), BUDGET, lower)
    assert float(found.state.step_size) < 1e-16
    # The fixed point of the prox's own problem is y / 1.5, and x has not left y.
    assert float(jnp.max(jnp.abs(found.x - y / 1.5))) > 0.1
    assert int(found.status) != Outcome.CONVERGED


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "solver",
    [Anderson(), Anderson(memory=2, safeguard=10.0), Broyden(), Broyden(memory=3, safeguard=10.0)],
    ids=repr,
)
def test_what_converges_is_near_a_fixed_point_of_random_linear_maps(solver, dtype):
    """x = D (x - tau (x - y)) has a solution by a dense solve, which bounds how far a residual may be off.

    The maps' norms go from a half to three: contractions, and maps on which Picard diverges.
    """
    generator = np.random.default_rng(4)
    norms = np.geomspace(0.5, 3, 60)
    draws = generator.normal(size=(60, N, N))
    matrices = norms[:, None, None] * draws / np.linalg.norm(draws, 2, axis=(1, 2))[:, None, None]
    y = generator.normal(size=N)
    tolerance = 1e-8 if dtype == "float64" else 1e-4

    def one(matrix):
        lower = LowerLevel(Identity(), jnp.asarray(y, dtype), Denoiser(matrix))
        found = solve(
            solver.__class__(**(vars(solver) | {"step_scale": 0.3})), Budget(300, tolerance, 10), lower
        )
        return found._replace(state=None)

    found = jax.jit(jax.vmap(one))(jnp.asarray(matrices, dtype))
    converged = np.asarray(found.status) == Outcome.CONVERGED
    assert converged[:10].all()
    assert converged.sum() >= 20
    for matrix, x in zip(matrices[converged], np.asarray(found.x, np.float64)[converged], strict=True):
        system = np.eye(N) - 0.7 * matrix
        moved = np.linalg.norm(system @ x - 0.3 * matrix @ y)
        assert moved <= 2 * tolerance * 0.3 * np.linalg.norm(y)
        error = np.linalg.norm(x - np.linalg.solve(system, 0.3 * matrix @ y))
        assert error <= 2 * tolerance * 0.3 * np.linalg.norm(y) * np.linalg.norm(np.linalg.inv(system), 2)
