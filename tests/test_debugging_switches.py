"""JAX's debugging switches change nothing: no code needs `jit`, and NaN never means "not known"."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.conformance.compiled import FAST_COMPILE
from hypergrad_bench.bench.measure.account import largest_known
from hypergrad_bench.hypergrad import ClosedForm, Implicit, OneStep, Phantom, Shine, Unrolled, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    LowerLevel,
    UntiedExperts,
)
from hypergrad_bench.problems.operators.correlation import correlate
from hypergrad_bench.solvers import (
    Anderson,
    Broyden,
    Budget,
    DualFista,
    ForwardBackward,
    Gmres,
    GradientDescent,
    Lbfgs,
    Nesterov,
    NonmonotoneAcceleratedGradient,
    Picard,
    PrimalDual,
    solve,
)
from hypergrad_bench.solvers.progress import looked, started

COMPILE = {"compiler_options": FAST_COMPILE}
GENERATOR = np.random.default_rng(0)
SIGNAL = LowerLevel(
    Identity(),
    jnp.asarray(np.cumsum(GENERATOR.normal(size=5))),
    AnalysisL1(Dense(jnp.asarray(np.diff(np.eye(5), axis=0))), 0.3),
)
IMAGE = jnp.asarray(GENERATOR.uniform(size=(4, 4)))
FILTERS = jnp.asarray(GENERATOR.normal(size=(2, 2, 2)))
WEIGHTS = jnp.asarray([0.3, 0.2])
EXPERTS = LowerLevel(Blur(jnp.asarray([[0.1, 0.2], [0.3, 0.4]])), IMAGE, FieldsOfExperts(FILTERS, WEIGHTS))
BANK = LowerLevel(Identity(), IMAGE, AnalysisL1(FilterBank(FILTERS), 0.1))
UNTIED = LowerLevel(Identity(), IMAGE, UntiedExperts(FILTERS, FILTERS + 0.01, WEIGHTS, jnp.zeros(2)))
FEW = Budget(3, 1e-9, 1)


@pytest.fixture
def no_jit() -> Iterator[None]:
    """Run every operation by itself."""
    with jax.disable_jit():
        yield


@pytest.fixture
def debug_nans() -> Iterator[None]:
    """Let NaN in what any operation returns raise."""
    with jax.debug_nans(True):
        yield


@pytest.mark.usefixtures("no_jit")
def test_filter_banks_without_jit():
    x = GENERATOR.uniform(size=(6, 6))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2))
    expected = np.einsum("kab,ijab->kij", FILTERS, windows)
    np.testing.assert_allclose(correlate(FILTERS, jnp.asarray(x)), expected, atol=1e-14)


def _gradient(method, solver, lower):
    return hypergradient(method, solver, FEW, lower, jnp.sum).gradient


def _name(case):
    return " with ".join(repr(one) for one in case[:-1])


# A solver of each kind and a rule of each; without `jit` an iterative linear solver costs most.
PAIRS = (
    (OneStep(), PrimalDual(), BANK),
    (ClosedForm(), DualFista(), SIGNAL),
    (Unrolled(), GradientDescent(), EXPERTS),
    (Phantom(1), Picard(), UNTIED),
)


@pytest.mark.parametrize(("method", "solver", "lower"), PAIRS, ids=map(_name, PAIRS))
def test_a_gradient_without_jit_and_without_nan(method, solver, lower):
    """Both switches at once: each operation by itself is looked at for NaN."""
    expected = jax.jit(lambda lower: _gradient(method, solver, lower), **COMPILE)(lower)
    with jax.disable_jit(), jax.debug_nans(True):
        found = _gradient(method, solver, lower)
    for alone, compiled in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(alone, compiled, atol=1e-12)


SOLVERS = (
    (Anderson(), UNTIED),
    (Broyden(), UNTIED),
    (Picard(), UNTIED),
    (ForwardBackward(), EXPERTS),
    (NonmonotoneAcceleratedGradient(), EXPERTS),
    (Nesterov(), EXPERTS),
)


@pytest.mark.usefixtures("debug_nans")
@pytest.mark.parametrize(("solver", "lower"), SOLVERS, ids=map(_name, SOLVERS))
def test_a_solve_and_its_progress_hold_no_nan(solver, lower):
    """Of one step, so that the contraction factor may not be known yet."""
    solution = jax.jit(lambda lower: solve(solver, Budget(1, 1e-9, 1), lower), **COMPILE)(lower)
    assert np.isfinite(solution.residual)
    assert solution.contraction is None or float(solution.contraction) > 0


ADJOINTS = (
    (Shine(), Lbfgs(), EXPERTS),
    (Implicit(Gmres()), Picard(), UNTIED),
)


@pytest.mark.usefixtures("debug_nans")
@pytest.mark.parametrize(("method", "solver", "lower"), ADJOINTS, ids=map(_name, ADJOINTS))
def test_an_adjoint_equation_holds_no_nan(method, solver, lower):
    gradient = jax.jit(lambda lower: _gradient(method, solver, lower), **COMPILE)(lower)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.usefixtures("debug_nans")
def test_what_is_not_known_yet_is_infinite():
    begun = started(jnp.asarray(0.5))
    assert np.isinf(begun.contraction)
    assert float(looked(begun, jnp.asarray(0.125), 2).contraction) == 0.5
    assert largest_known(np.asarray([0.5, np.inf])) == 0.5
    assert largest_known(np.asarray([np.inf])) is None
