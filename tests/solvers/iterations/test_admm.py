"""One step of ADMM against the formula with dense matrices, whatever computes it."""

import importlib

import jax.numpy as jnp
import numpy as np
import pytest
from operators_by_hand import bank_matrix, blur_matrix

from hypergrad_bench.problems import AnalysisL1, Blur, Dense, FilterBank, Identity, LowerLevel, Mask
from hypergrad_bench.solvers import Admm, PrimalDualPair

SHAPE, SIGNAL = (5, 6), (7,)


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


FILTERS, KERNEL, MASK = _normal(0, 2, 3, 3), _normal(1, 3, 2), (_normal(2, *SHAPE) > -0.5) * 1.5
MATRIX, ROWS = _normal(3, 4, *SIGNAL), _normal(4, 9, *SIGNAL)
BANK, ZERO = FilterBank(jnp.asarray(FILTERS)), FilterBank(jnp.asarray(FILTERS), "zero")
CIRCULAR, FRAMED = bank_matrix(FILTERS, SHAPE, "circular"), bank_matrix(FILTERS, SHAPE, "zero")
# The operators, their matrices, what the state holds (spectrum, factor or 1), the largest size factorised.
CASES = {
    "spectra of denoising": (Identity(), BANK, np.eye(30), CIRCULAR, (5, 4), 2048),
    "spectra of deconvolution": (
        Blur(jnp.asarray(KERNEL)),
        BANK,
        blur_matrix(KERNEL, SHAPE),
        CIRCULAR,
        (5, 4),
        0,
    ),
    "a factor": (Mask(jnp.asarray(MASK)), BANK, np.diag(MASK.ravel()), CIRCULAR, (30, 30), 2048),
    "a factor, framed": (Identity(), ZERO, np.eye(30), FRAMED, (30, 30), 2048),
    "a factor of matrices": (
        Dense(jnp.asarray(MATRIX)), Dense(jnp.asarray(ROWS)), MATRIX, ROWS, (7, 7), 2048
    ),
    "preconditioned iteration": (
        Mask(jnp.asarray(MASK)), BANK, np.diag(MASK.ravel()), CIRCULAR, (5, 4), 0
    ),
    "plain iteration": (Mask(jnp.asarray(MASK)), ZERO, np.diag(MASK.ravel()), FRAMED, (), 0),
    "plain iteration on a signal": (
        Dense(jnp.asarray(MATRIX)), Dense(jnp.asarray(ROWS)), MATRIX, ROWS, (), 0
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_step_is_the_formula(case, monkeypatch):
    A, W, A_matrix, W_matrix, inverse, factored = case
    module = importlib.import_module("hypergrad_bench.solvers.iterations.admm")
    monkeypatch.setattr(module, "LARGEST_FACTORED", factored)
    shape = SIGNAL if isinstance(W, Dense) else SHAPE
    weight, rho = np.random.default_rng(5).uniform(0.1, 1, len(ROWS) if isinstance(W, Dense) else 2), 1.7
    x, y = _normal(6, *shape), A(jnp.asarray(_normal(7, *shape)))
    lower = LowerLevel(A, y, AnalysisL1(W, jnp.asarray(weight)))
    u = np.clip(_normal(8, *W(jnp.asarray(x)).shape), -0.1, 0.1)
    solver = Admm(rho=rho, cg_steps=200)
    state = solver.init_at(lower, PrimalDualPair(jnp.asarray(x), jnp.asarray(u)))
    assert state.inverse.shape == inverse
    # rho has no unit: the norms of A and W, here as the operators bound them, give it one.
    rho = rho * float(A.squared_norm(shape)) / float(W.squared_norm(shape))
    # Two steps, since z = W x in the first alone.
    z, u, bounds = W_matrix @ x.ravel(), u.ravel(), np.repeat(weight, u.size // weight.size)
    for _ in range(2):
        state = solver.step(lower, state)
        system = A_matrix.T @ A_matrix + rho * W_matrix.T @ W_matrix
        x = np.linalg.solve(system, A_matrix.T @ np.ravel(y) + W_matrix.T @ (rho * z - u))
        shifted = u + rho * W_matrix @ x
        u = np.clip(shifted, -bounds, bounds)
        z = (shifted - u) / rho
        for ours, expected in ((state.x, x), (state.u, u), (state.z, z)):
            np.testing.assert_allclose(np.ravel(ours), expected, atol=1e-11)
    assert solver.iterate(lower, state) is state.x
    assert solver.dual(lower, state) is state.u


def test_it_starts_at_the_adjoint_of_the_measurement():
    lower = LowerLevel(Mask(jnp.asarray(MASK)), jnp.asarray(_normal(7, *SHAPE)), AnalysisL1(BANK, 0.1))
    state = Admm().init(lower)
    np.testing.assert_allclose(state.x, MASK * np.asarray(lower.y) / np.max(MASK**2))
    np.testing.assert_allclose(np.ravel(state.z), CIRCULAR @ np.ravel(state.x), atol=1e-13)
    assert not np.any(state.u)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Admm(rho=0.0),
        lambda: Admm(rho=-1.0),
        lambda: Admm(rho=float("inf")),
        lambda: Admm(rho=float("nan")),
        lambda: Admm(cg_steps=0),
    ],
)
def test_limits(build):
    with pytest.raises(ValueError, match="rho must be positive and finite, cg_steps at least 1; got"):
        build()
