"""Regularisers and potentials against numpy, and their constructors against wrong input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators_by_hand import correlate_by_hand, matrix_by_hand

from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    FilterBank,
    ForwardDifferences,
    Identity,
    LogCosh,
    Lorentzian,
    LowerLevel,
    PseudoHuber,
    UntiedExperts,
    total_variation,
)

POTENTIALS = (PseudoHuber(), LogCosh(), Lorentzian(), PseudoHuber(0.5), LogCosh(2.0), Lorentzian(0.3))


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("weight", [0.3, [0.1, 0.2, 0.7]], ids=["one number", "one per row"])
def test_l1_of_a_matrix(weight):
    matrix, x = _normal(0, 3, 5), _normal(1, 5)
    regularizer = AnalysisL1(Dense(jnp.asarray(matrix)), jnp.asarray(weight))
    assert float(regularizer.value(jnp.asarray(x))) == pytest.approx(np.sum(weight * np.abs(matrix @ x)))
    np.testing.assert_array_equal(regularizer.weight_like(jnp.zeros(3)), np.broadcast_to(weight, 3))


def test_l1_of_a_bank_weighs_filter_by_filter():
    filters, x = _normal(0, 2, 3, 3), _normal(1, 5, 4)
    regularizer = AnalysisL1(FilterBank(jnp.asarray(filters)), jnp.asarray([0.5, 2.0]))
    sums = np.abs(correlate_by_hand(filters, x, "circular")).sum(axis=(1, 2))
    assert float(regularizer.value(jnp.asarray(x))) == pytest.approx(0.5 * sums[0] + 2 * sums[1])


@pytest.mark.parametrize(
    "shape", [(), (2,), (2, 5, 4, 3), (1, 5, 4, 3), (2, 1, 1, 1), (2, 5, 4), (1, 5, 4)], ids=str
)
def test_l1_with_a_map_of_weights(shape):
    """Length one along axes that share a weight; a map without an axis of channels is shared by them."""
    x, weight = _normal(1, 5, 4, 3), np.abs(_normal(2, *shape))
    differences = np.zeros((2, 5, 4, 3))
    differences[0, :-1], differences[1, :, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    spread = weight.reshape(*shape, *(1,) * (4 - len(shape))) if shape else weight
    found = total_variation(jnp.asarray(weight)).value(jnp.asarray(x))
    assert float(found) == pytest.approx(np.sum(spread * np.abs(differences)), rel=1e-13)


def test_total_variation_of_a_ramp():
    """Steps 1 down and 2 across, 6 x 5: nothing is counted across the border."""
    ramp = jnp.asarray(np.add.outer(np.arange(6.0), 2 * np.arange(5.0)))
    filters = ForwardDifferences().bank(jnp.float64).filters
    values = {"replicate": 73, "circular": 146, "zero": 181, "reflect": 90}
    for boundary, value in values.items():
        assert float(AnalysisL1(FilterBank(filters, boundary), 1.0).value(ramp)) == value
    assert float(total_variation(1.0).value(ramp)) == 73
    assert float(total_variation(2.0).value(jnp.stack([ramp, 2 * ramp, -ramp], -1))) == 8 * 73


@pytest.mark.usefixtures("as_users_run")
def test_a_python_number_takes_the_dtype_of_the_operator():
    assert AnalysisL1(Dense(jnp.ones((2, 3), jnp.float32)), 0.1).weight.dtype == jnp.float32
    assert AnalysisL1(FilterBank(jnp.ones((2, 3, 3))), 1).weight.dtype == jnp.float64


def test_l1_starts_from_perturbed_differences():
    start = AnalysisL1.initial((64,), 0)
    matrix = np.asarray(start.W.matrix)
    assert matrix.shape == (63, 64)
    perturbation = matrix - np.diff(np.eye(64), axis=0)
    assert np.linalg.norm(perturbation, axis=1).mean() == pytest.approx(0.1, rel=0.1)
    assert np.linalg.matrix_rank(matrix) == 63
    np.testing.assert_array_equal(matrix, AnalysisL1.initial((64,), 0).W.matrix)
    assert not np.array_equal(matrix, AnalysisL1.initial((64,), 1).W.matrix)


@pytest.mark.parametrize("regularizer", [AnalysisL1, FieldsOfExperts])
def test_images_start_from_zero_mean_filters(regularizer):
    filters = np.asarray(regularizer.initial((8, 9), 3).W.filters)
    assert filters.shape == (8, 3, 3)
    np.testing.assert_allclose(filters.sum(axis=(1, 2)), 0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(filters[2:], axis=(1, 2)), 0.5)


@pytest.mark.parametrize("boundary", ["circular", "zero", "reflect", "replicate"])
@pytest.mark.parametrize("potential", [PseudoHuber(), Lorentzian(0.5)], ids=repr)
def test_fields_of_experts_against_its_matrix(boundary, potential):
    filters, x, weights = _normal(0, 3, 2, 2), _normal(1, 5, 6), np.asarray([0.2, 0.0, 1.5])
    regularizer = FieldsOfExperts(jnp.asarray(filters), jnp.asarray(weights), potential, boundary)
    matrix = matrix_by_hand(lambda x: correlate_by_hand(filters, x, boundary), x.shape)
    by_row = np.repeat(weights, x.size)
    responses = matrix @ x.ravel()
    ratio = responses / potential.scale
    if isinstance(potential, PseudoHuber):
        value, slope = potential.scale**2 * (np.sqrt(1 + ratio**2) - 1), responses / np.sqrt(1 + ratio**2)
        curvature = (1 + ratio**2) ** -1.5
    else:
        value, slope = potential.scale**2 * np.log(1 + ratio**2), 2 * responses / (1 + ratio**2)
        curvature = 2 * (1 - ratio**2) / (1 + ratio**2) ** 2
    assert float(regularizer.value(jnp.asarray(x))) == pytest.approx(by_row @ value, rel=1e-12)
    gradient = (matrix.T @ (by_row * slope)).reshape(x.shape)
    np.testing.assert_allclose(regularizer.gradient(jnp.asarray(x)), gradient, atol=1e-12)
    bound = float(regularizer.lipschitz(x.shape))
    hessian = matrix.T @ ((by_row * curvature)[:, None] * matrix)
    assert bound >= np.abs(np.linalg.eigvalsh(hessian)).max()
    # The bound is attained at x = 0, where the curvature is largest, if the boundary is circular.
    at_zero = potential.curvature * np.linalg.norm(np.sqrt(by_row)[:, None] * matrix, 2) ** 2
    assert bound >= at_zero * (1 - 1e-12)
    if boundary == "circular":
        assert bound == pytest.approx(at_zero, rel=1e-12)


@pytest.mark.parametrize("potential", POTENTIALS, ids=repr)
def test_potentials(potential):
    t = jnp.linspace(-3, 3, 301) * potential.scale
    slopes = jax.vmap(jax.grad(potential.value))(t)
    np.testing.assert_allclose(potential.derivative(t), slopes, atol=1e-12 * potential.scale)
    curvatures = np.asarray(jax.vmap(jax.grad(potential.derivative))(t))
    assert curvatures.max() == pytest.approx(potential.curvature, rel=1e-12)
    assert np.abs(curvatures).max() <= potential.curvature * (1 + 1e-12)
    assert potential.convex == bool(curvatures.min() >= 0)
    np.testing.assert_allclose(potential.value(-t), potential.value(t), rtol=1e-15)
    assert float(potential.value(jnp.zeros(()))) == 0


@pytest.mark.parametrize(
    ("potential", "formula"),
    [
        (PseudoHuber(0.5), lambda t: 0.25 * (np.sqrt(1 + (t / 0.5) ** 2) - 1)),
        (LogCosh(0.5), lambda t: 0.25 * np.log(np.cosh(t / 0.5))),
        (Lorentzian(0.5), lambda t: 0.25 * np.log(1 + (t / 0.5) ** 2)),
    ],
    ids=["pseudo-Huber", "log-cosh", "Lorentzian"],
)
def test_potentials_are_their_formulas(potential, formula):
    t = np.linspace(-2, 2, 41)
    np.testing.assert_allclose(potential.value(jnp.asarray(t)), formula(t), atol=1e-15)


def test_potentials_keep_their_digits_where_formulas_lose_them():
    tiny, huge = jnp.asarray(1e-9), jnp.asarray(1e4)
    assert float(PseudoHuber().value(tiny)) == pytest.approx(0.5e-18, rel=1e-12)
    assert float(Lorentzian().value(tiny)) == pytest.approx(1e-18, rel=1e-12)
    assert float(LogCosh().value(huge)) == pytest.approx(0.01 * (1e5 - np.log(2)), rel=1e-12)
    assert float(jax.grad(LogCosh().value)(huge)) == pytest.approx(0.1)


BANK = FilterBank(jnp.ones((2, 3, 3)))
WRONG = {
    "a negative weight": (
        lambda: AnalysisL1(Dense(jnp.ones((2, 3))), jnp.asarray(-0.5)),
        ValueError,
        "weight must not be negative; its smallest entry is -0.5",
    ),
    "a negative number": (
        lambda: AnalysisL1(Dense(jnp.ones((2, 3))), -1),
        ValueError,
        "weight must not be negative; its smallest entry is -1",
    ),
    "a weight of the wrong shape": (
        lambda: AnalysisL1(Dense(jnp.ones((2, 3))), jnp.ones(3)),
        ValueError,
        r"weight must be one number or one per row or filter, shape \(\) or \(2,\); got shape \(3,\)",
    ),
    "a map of too many filters": (
        lambda: AnalysisL1(FilterBank(jnp.ones((2, 3, 3))), jnp.ones((3, 5, 5))),
        ValueError,
        r"weight must be one number or one per row or filter, shape \(\) or \(2,\), or a map such as "
        r"\(2, h, w\); got shape \(3, 5, 5\)",
    ),
    "a map of another size": (
        lambda: LowerLevel(Identity(), jnp.ones((4, 4)), AnalysisL1(BANK, jnp.ones((2, 5, 5)))),
        ValueError,
        r"weight must be one number, or fit the responses of shape \(2, 4, 4\), with length one along axes "
        r"that share a weight; got shape \(2, 5, 5\)",
    ),
    "a map without the axis of the filters": (
        lambda: LowerLevel(Identity(), jnp.ones((4, 4)), total_variation(jnp.ones((4, 4)))),
        ValueError,
        r"fit the responses of shape \(2, 4, 4\).*got shape \(4, 4\)",
    ),
    "one weight per row of an image": (
        lambda: LowerLevel(Identity(), jnp.ones((4, 4)), AnalysisL1(Identity(), jnp.ones(4))),
        ValueError,
        r"fit the responses of shape \(4, 4\).*got shape \(4,\)",
    ),
    "experts on a colour image": (
        lambda: FieldsOfExperts(jnp.ones((4, 3, 3)), jnp.ones(4)).value(jnp.ones((4, 4, 3))),
        ValueError,
        r"a field of experts needs a grey image \(h, w\); got shape \(4, 4, 3\)",
    ),
    "untied experts on a colour image": (
        lambda: UntiedExperts.initial((4, 4), 0).operator(jnp.ones((4, 4, 3))),
        ValueError,
        r"a field of untied experts needs a grey image \(h, w\); got shape \(4, 4, 3\)",
    ),
    "an integer weight": (
        lambda: AnalysisL1(Dense(jnp.ones((2, 3))), jnp.asarray(1)),
        TypeError,
        "weight must be a floating-point array",
    ),
    "a weight that is NaN": (
        lambda: AnalysisL1(Dense(jnp.ones((2, 3))), jnp.asarray(jnp.nan)),
        ValueError,
        "weight must be finite",
    ),
    "a bare matrix": (
        lambda: AnalysisL1(jnp.ones((2, 3)), jnp.asarray(0.1)),
        TypeError,
        r"W must be a linear operator such as Dense\(matrix\)",
    ),
    "signals of two samples": (
        lambda: AnalysisL1.initial((2,), 0),
        ValueError,
        r"signals \(n,\) with n >= 3 or images \(h, w\); got shape \(2,\)",
    ),
    "an image smaller than the filters": (
        lambda: FieldsOfExperts.initial((2, 8), 0),
        ValueError,
        r"filters start on images \(h, w\) of at least 3 x 3; got shape \(2, 8\)",
    ),
    "a negative expert": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 3)), jnp.asarray([1.0, -0.25])),
        ValueError,
        "weights must not be negative; its smallest entry is -0.25",
    ),
    "weights of the wrong shape": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 3)), jnp.ones(3)),
        ValueError,
        r"weights must be one per filter, shape \(2,\); got \(3,\)",
    ),
    "integer weights": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 3)), jnp.ones(2, jnp.int32)),
        TypeError,
        "weights must be a floating-point array",
    ),
    "experts that are not square": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 4)), jnp.ones(2)),
        ValueError,
        "filters must be square",
    ),
    "an unknown boundary": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 3)), jnp.ones(2), boundary="mirror"),
        ValueError,
        "boundary must be one of .*got 'mirror'",
    ),
    "a function as a potential": (
        lambda: FieldsOfExperts(jnp.ones((2, 3, 3)), jnp.ones(2), jnp.tanh),
        TypeError,
        "potential must offer value and derivative",
    ),
    "a scale of zero": (lambda: PseudoHuber(0.0), ValueError, "scale must be positive; got 0.0"),
    "a negative scale": (lambda: LogCosh(-1.0), ValueError, "scale must be positive; got -1.0"),
    "a scale that is NaN": (lambda: Lorentzian(float("nan")), ValueError, "scale must be positive; got nan"),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
