"""Certificates by hand, and what each of their entries says about a planted fault."""

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import AnalysisL1, Dense, FilterBank, Identity, LowerLevel
from hypergrad_bench.solvers import Certificate, certify

# Soft shrinkage: x = y - u, u = clip(y, -1, 1).
X, U = np.array([2.0, -1.0, 0, 0, 0]), np.array([1.0, -1.0, 0.5, 0.1, -0.9])
FAULTS = ("stationarity", "infeasibility", "sign_violation", "gap")


def _certify(x: np.ndarray, u: np.ndarray, y: np.ndarray | None = None, weight: object = 1.0) -> Certificate:
    """The certificate for A = W = I; y is what makes the pair stationary, unless given."""
    regularizer = AnalysisL1(Dense(jnp.eye(x.size)), jnp.asarray(weight))
    lower = LowerLevel(Identity(), jnp.asarray(x + u if y is None else y), regularizer)
    return certify(lower, jnp.asarray(x), jnp.asarray(u))


def _changed(values: np.ndarray, index: int, value: float) -> np.ndarray:
    values = values.copy()
    values[index] = value
    return values


def test_the_certificate_of_an_exact_solution():
    found = _certify(X, U)
    assert bool(found.certified)
    assert float(found.violation) == 0
    assert int(found.active_size) == 3
    assert found.active_rank is None
    assert float(found.dual_margin) == pytest.approx(0.1)
    norm = float(Dense(jnp.eye(X.size)).squared_norm(X.shape)) ** 0.5
    assert float(found.primal_margin) == pytest.approx(1.0 / (norm * 2.0))
    assert int(found.ambiguous) == 0


def _expect(found: Certificate, **violations: float) -> None:
    assert not bool(found.certified)
    for name in FAULTS:
        assert float(getattr(found, name)) == pytest.approx(violations.get(name, 0.0), abs=1e-15), name
    assert float(found.violation) == pytest.approx(max(violations.values()))


def test_a_primal_variable_that_is_off():
    y = X + U
    found = _certify(_changed(X, 0, 2.25), U, y)
    _expect(found, stationarity=0.25 / np.linalg.norm(y))


def test_a_dual_variable_out_of_bounds():
    _expect(_certify(X, _changed(U, 2, 1.5)), infeasibility=0.5)
    _expect(_certify(X, _changed(U, 2, -1.5)), infeasibility=0.5)
    # Relative to the largest weight, each row against its own.
    weight = np.array([1.0, 1.0, 0.5, 0.25, 4.0])
    _expect(_certify(X, _changed(U, 3, 0.75), weight=weight), infeasibility=0.5 / 4)


def test_a_dual_variable_of_the_wrong_sign():
    x, u = _changed(X, 0, 4.0), _changed(U, 0, -1.0)
    _expect(_certify(x, u), sign_violation=1.0, gap=8 / np.sum((x + u) ** 2))


def test_a_response_that_is_not_zero_on_an_active_row():
    x = _changed(X, 2, 0.25)
    _expect(_certify(x, U), sign_violation=0.125, gap=0.125 / np.sum((x + U) ** 2))


def test_a_dual_variable_that_does_not_attain_the_norm():
    u = _changed(U, 0, 0.75)
    _expect(_certify(X, u), gap=0.5 / np.sum((X + u) ** 2))


@pytest.mark.parametrize("fault", [1e-9, 1e-11])
def test_the_limit_of_what_is_certified(fault):
    found = _certify(_changed(X, 0, 2 + fault), U, X + U)
    assert bool(found.certified) == (fault < 1e-10)


def test_what_is_not_a_number_is_not_certified():
    found = _certify(_changed(X, 0, np.nan), U, X + U)
    assert not bool(found.certified)
    assert float(found.violation) == np.inf


def test_rows_that_the_error_could_move_are_ambiguous():
    # The margins of rows 2 to 4 and of row 1: 0.5, 5e-9, 2e-8, and 4e-9.
    x, u = _changed(X, 1, -4e-9), np.array([1.0, -1.0, 0.5, 1 - 5e-9, -1 + 2e-8])
    assert int(_certify(x, u).ambiguous) == 0
    off = _certify(_changed(x, 0, 2 + 1e-9), u, x + u)
    assert int(off.active_size) == 3
    assert int(off.ambiguous) == 2


def test_a_row_exactly_at_its_bound_is_ambiguous():
    found = _certify(X, _changed(U, 3, 1.0))
    assert bool(found.certified)
    assert float(found.dual_margin) == 0
    assert int(found.ambiguous) == 1


def test_a_solution_of_zeros():
    u = np.array([0.3, -0.2, 0.5, 0.1, -0.9])
    found = _certify(np.zeros(5), u)
    assert bool(found.certified)
    assert int(found.active_size) == 5
    assert float(found.dual_margin) == pytest.approx(0.1)
    assert float(found.primal_margin) == np.inf
    # Rounding in x is no violation; what is not rounding is one, relative to the measurement.
    assert bool(_certify(_changed(np.zeros(5), 2, 1e-16), u).certified)
    off = _changed(np.zeros(5), 2, 1e-3)
    expected = 1e-3 / np.linalg.norm(off + u)
    # A matrix's squared norm is a bound, here 5^(1/16)-fold.
    assert expected / 5 ** (1 / 16) <= float(_certify(off, u).sign_violation) <= expected
    assert not bool(_certify(off, u).certified)


def test_a_constant_image_under_filters_of_zero_mean():
    filters = np.random.default_rng(0).normal(size=(2, 3, 3))
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    # Every response is rounding, and every row active.
    x, u = jnp.full((6, 6), 0.7), jnp.asarray(np.random.default_rng(1).uniform(-0.4, 0.4, (2, 6, 6)))
    regularizer = AnalysisL1(FilterBank(jnp.asarray(filters)), 0.5)
    lower = LowerLevel(Identity(), x + regularizer.W.adjoint(u), regularizer)
    assert float(jnp.max(jnp.abs(regularizer.W(x)))) > 0
    found = certify(lower, x, u)
    assert bool(found.certified)
    assert int(found.active_size) == u.size


def test_an_exact_tie_is_ambiguous_though_the_error_is_zero():
    """u_3 on its bound with w_3 x = 0, and a response of rounding: the smallest change decides."""
    tied = _changed(U, 2, 1.0)
    found = _certify(X, tied)
    assert float(found.violation) == 0
    assert int(found.ambiguous) == 1
    jump = _certify(_changed(X, 0, 1e-16), U)
    assert int(jump.ambiguous) == 1
    assert int(_certify(X, U).ambiguous) == 0


def test_the_primal_margin_is_not_relative_to_itself():
    """Jumps of 1e-9 beside values of one are no safe margin, were they all alike."""
    x = np.array([1.0, 1.0 + 1e-9, 1.0])
    lower = LowerLevel(
        Identity(),
        jnp.asarray(x),
        AnalysisL1(Dense(jnp.asarray(np.diff(np.eye(3), axis=0))), jnp.asarray(0.0)),
    )
    found = certify(lower, jnp.asarray(x), jnp.zeros(2))
    assert 1e-10 < float(found.primal_margin) < 1e-9
