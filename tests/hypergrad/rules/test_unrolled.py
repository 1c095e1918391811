"""Unrolled differentiation: its rate against theory, checkpointing, memory."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    ClosedForm,
    Hypergradient,
    Implicit,
    Unrolled,
    hypergradient,
)
from hypergrad_bench.problems import AnalysisL1, FieldsOfExperts, Identity, LowerLevel
from hypergrad_bench.solvers import Budget, Dense, DualFista, GradientDescent, Lbfgs, Nesterov

SHAPE = (5, 5)
N = 16


def _program(method: Any, solver: Any, budget: Budget, lower: LowerLevel) -> Hypergradient:
    return hypergradient(method, solver, budget, lower, lambda x: jnp.sum((x - 0.3) ** 2))


_run = partial(jax.jit, static_argnums=(0, 1, 2))(_program)


@pytest.fixture(scope="module")
def smooth() -> LowerLevel:
    """Denoising of an image with fields of experts."""
    y = np.random.default_rng(0).normal(size=SHAPE)
    return LowerLevel(Identity(), jnp.asarray(y), FieldsOfExperts.initial(SHAPE, 0))


@pytest.fixture(scope="module")
def l1() -> LowerLevel:
    """Denoising of a signal with an l1 norm."""
    y = np.random.default_rng(0).normal(size=N)
    return LowerLevel(Identity(), jnp.asarray(y), AnalysisL1.initial((N,), 0))


@pytest.fixture(scope="module")
def reference(smooth: LowerLevel) -> Hypergradient:
    """The implicit derivative at a solution to rounding."""
    return _run(Implicit(Dense()), Nesterov(), Budget(20_000, 1e-14, 50), smooth)


def _error(gradient: LowerLevel, exact: LowerLevel) -> float:
    pairs = list(zip(jax.tree.leaves(gradient), jax.tree.leaves(exact), strict=True))
    square = sum(float(jnp.sum((ours - leaf) ** 2)) for ours, leaf in pairs)
    return float(np.sqrt(square / sum(float(jnp.sum(leaf**2)) for _, leaf in pairs)))


def test_its_error_falls_at_the_rate_of_the_iteration(smooth, reference):
    x = reference.solution.x
    hessian = np.reshape(jax.hessian(smooth.value)(x), (25, 25))
    lipschitz = 1 + float(smooth.regularizer.lipschitz(SHAPE))
    contraction = 1 - np.linalg.eigvalsh(hessian).min() / lipschitz
    budgets = np.asarray([12, 24, 36])
    errors = np.asarray(
        [
            _error(
                _run(Unrolled(), GradientDescent(), Budget(int(budget)), smooth).gradient, reference.gradient
            )
            for budget in budgets
        ]
    )
    assert np.all(np.diff(errors) < 0)
    # The derivative's error lies between the orders of rho^k and k rho^k.
    rate = np.exp(np.polyfit(budgets, np.log(errors), 1)[0])
    assert 1 - rate == pytest.approx(1 - contraction, rel=0.05), (errors, contraction)
    assert errors[-1] < 1e-6


def test_a_generous_budget_reaches_the_reference(smooth, reference):
    result = _run(Unrolled(), Nesterov(), Budget(600), smooth)
    assert _error(result.gradient, reference.gradient) <= 1e-9
    np.testing.assert_allclose(result.solution.x, reference.solution.x, atol=1e-12)


def test_on_l1_problems_it_reaches_the_closed_form(l1):
    exact = _run(ClosedForm(), DualFista(), Budget(20_000, 1e-14, 50), l1)
    errors = [
        _error(_run(Unrolled(), DualFista(), Budget(budget), l1).gradient, exact.gradient)
        for budget in (2, 8, 40)
    ]
    assert errors[0] > 100 * errors[1] > 1e4 * errors[2], errors
    assert errors[2] <= 1e-12


@pytest.mark.parametrize("every", [1, 7, 100])
def test_checkpoints_change_no_digit_that_matters(smooth, every):
    budget = Budget(30)
    plain, stored = (
        _run(method, Nesterov(), budget, smooth) for method in (Unrolled(), Unrolled(checkpoint_every=every))
    )
    assert int(stored.solution.steps) == int(plain.solution.steps) == 30
    np.testing.assert_allclose(stored.solution.x, plain.solution.x, rtol=0, atol=1e-13)
    assert _error(stored.gradient, plain.gradient) <= 1e-13


def test_it_runs_all_its_steps_whatever_the_tolerance(smooth):
    result = _run(Unrolled(), GradientDescent(), Budget(37, 0.5, 10), smooth)
    assert int(result.solution.steps) == 37
    stepped = smooth.A.adjoint(smooth.y)
    for _ in range(37):
        stepped = stepped - smooth.gradient(stepped) / (1 + smooth.regularizer.lipschitz(SHAPE))
    np.testing.assert_allclose(result.solution.x, stepped, atol=1e-13)


def _temporary_bytes(method: Any, solver: Any, max_steps: int, lower: LowerLevel) -> int:
    compiled = _run.lower(method, solver, Budget(max_steps), lower).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_memory_grows_with_the_budget_and_less_with_checkpoints(smooth):
    image = 8 * np.prod(SHAPE)
    short, long = (_temporary_bytes(Unrolled(), Nesterov(), steps, smooth) for steps in (64, 576))
    # At least one image per step is stored.
    assert long - short >= (576 - 64) * image
    checkpointed = _temporary_bytes(Unrolled(checkpoint_every=24), Nesterov(), 576, smooth)
    assert checkpointed < long / 4


def test_recursive_checkpoints_take_memory_like_the_logarithm_of_the_steps(smooth):
    method = Unrolled("recursive")
    sizes = [_temporary_bytes(method, Nesterov(), steps, smooth) for steps in (64, 256, 1024)]
    plain = [_temporary_bytes(Unrolled(), Nesterov(), steps, smooth) for steps in (64, 1024)]
    # Each doubling adds one stored state: four times the steps add as much again and again.
    added = np.diff(sizes)
    assert 0 < added[1] <= 1.5 * added[0], sizes
    assert sizes[-1] < 0.1 * plain[-1], (sizes, plain)
    budget = Budget(37)
    whole, halved = (_run(one, Nesterov(), budget, smooth) for one in (Unrolled(), method))
    assert int(halved.solution.steps) == 37
    np.testing.assert_allclose(halved.solution.x, whole.solution.x, rtol=0, atol=1e-13)
    assert _error(halved.gradient, whole.gradient) <= 1e-13


def test_memory_of_the_adjoint_methods_does_not(smooth, l1):
    for method, solver, lower in ((Implicit(), Nesterov(), smooth), (ClosedForm(), DualFista(), l1)):
        short, long = (_temporary_bytes(method, solver, steps, lower) for steps in (64, 576))
        assert short == long


def test_a_step_that_reverse_mode_cannot_cross_is_refused(smooth):
    with pytest.raises(ValueError, match="Lbfgs's step holds a loop that reverse mode cannot cross"):
        Unrolled()(Lbfgs(), Budget(), smooth)


@pytest.mark.parametrize("every", [0, -3])
def test_checkpoint_limits(every):
    message = f"checkpoint_every must be None, 'recursive' or at least 1; got {every}"
    with pytest.raises(ValueError, match=message):
        Unrolled(checkpoint_every=every)
