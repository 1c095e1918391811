"""The untied operator: tied it is the gradient of fields of experts, untied it has no energy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import (
    Denoising,
    EnergyRegularizer,
    FieldsOfExperts,
    Identity,
    LogCosh,
    LowerLevel,
    OperatorRegularizer,
    ProximalRegularizer,
    PseudoHuber,
    SmoothRegularizer,
    UntiedExperts,
    measure,
    pytree,
)

SHAPE = (7, 6)


def _image(seed: int, shape: tuple[int, ...] = SHAPE) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def tied(experts: FieldsOfExperts) -> UntiedExperts:
    """The untied operator with C = A and no biases."""
    return UntiedExperts(
        experts.filters,
        experts.filters,
        experts.weights,
        jnp.zeros_like(experts.weights),
        experts.potential,
        experts.boundary,
    )


@pytest.mark.parametrize("boundary", ["circular", "zero", "reflect"])
@pytest.mark.parametrize("potential", [PseudoHuber(), LogCosh(0.01)], ids=repr)
def test_tied_it_is_the_gradient_of_fields_of_experts(potential, boundary):
    experts = FieldsOfExperts.initial(SHAPE, 0)
    experts = dataclasses.replace(experts, potential=potential, boundary=boundary)
    x = _image(0)
    operator = tied(experts)
    np.testing.assert_allclose(operator.operator(x), experts.gradient(x), rtol=1e-13, atol=1e-13)
    assert float(operator.lipschitz(SHAPE)) == pytest.approx(float(experts.lipschitz(SHAPE)))


def _by_hand(regularizer: UntiedExperts, x: np.ndarray) -> np.ndarray:
    """Loops over filters and taps with periodic images."""
    out = np.zeros_like(x)
    centre = (regularizer.filters.shape[1] - 1) // 2
    for A, C, weight, bias in zip(
        *map(
            np.asarray,
            (regularizer.filters, regularizer.synthesis, regularizer.weights, regularizer.biases),
        ),
        strict=True,
    ):
        taps = [(a, b) for a in range(len(A)) for b in range(len(A))]
        response = bias + sum(A[a, b] * np.roll(x, (centre - a, centre - b), (0, 1)) for a, b in taps)
        bent = weight * response / np.sqrt(1 + np.square(response / 0.1))
        out += sum(C[a, b] * np.roll(bent, (a - centre, b - centre), (0, 1)) for a, b in taps)
    return out


def test_the_formula_by_hand():
    regularizer = dataclasses.replace(
        UntiedExperts.initial(SHAPE, 0), biases=jnp.linspace(-0.2, 0.3, 8), weights=jnp.linspace(0.1, 1, 8)
    )
    x = _image(1)
    np.testing.assert_allclose(regularizer.operator(x), _by_hand(regularizer, np.asarray(x)), atol=1e-13)


def test_untied_its_jacobian_is_not_symmetric():
    x = _image(2)
    start = UntiedExperts.initial(SHAPE, 0)
    jacobian = jax.jacobian(start.operator)(x).reshape(x.size, x.size)
    skew = float(jnp.linalg.norm(jacobian - jacobian.T) / jnp.linalg.norm(jacobian))
    assert skew > 0.01
    symmetric = jax.jacobian(tied(FieldsOfExperts.initial(SHAPE, 0)).operator)(x).reshape(x.size, x.size)
    assert float(jnp.linalg.norm(symmetric - symmetric.T)) < 1e-13


def test_it_starts_near_fields_of_experts_and_by_the_seed():
    start, experts = UntiedExperts.initial(SHAPE, 3), FieldsOfExperts.initial(SHAPE, 3)
    np.testing.assert_array_equal(start.filters, experts.filters)
    apart = np.linalg.norm(start.synthesis - start.filters) / np.linalg.norm(start.filters)
    assert apart == pytest.approx(0.1)
    assert float(jnp.linalg.norm(start.synthesis - UntiedExperts.initial(SHAPE, 4).synthesis)) > 0.1


def test_it_has_an_operator_and_no_energy():
    regularizer = UntiedExperts.initial(SHAPE, 0)
    assert isinstance(regularizer, OperatorRegularizer)
    assert not isinstance(regularizer, EnergyRegularizer | SmoothRegularizer | ProximalRegularizer)
    A, y = measure(Denoising(), np.asarray(_image(0))[None], 0)
    lower = LowerLevel(A, y[0], regularizer)
    np.testing.assert_allclose(lower.operator(y[0]), regularizer.operator(y[0]), atol=1e-14)
    with pytest.raises(TypeError, match="UntiedExperts has no energy: it offers no value"):
        lower.value(y[0])
    with pytest.raises(TypeError, match="UntiedExperts has no gradient: it has no energy"):
        lower.gradient(y[0])


def test_the_operator_of_a_smooth_energy_is_its_gradient():
    lower = LowerLevel(Identity(), _image(0), FieldsOfExperts.initial(SHAPE, 0))
    np.testing.assert_array_equal(lower.operator(_image(1)), lower.gradient(_image(1)))


@pytree
class Shrinking:
    """A proximal operator, and nothing else; it can be of the wrong shape."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start."""
        del shape, seed
        return cls(jnp.asarray(0.1))

    def prox(self, x, step):
        """Shrink."""
        return x / (1 + step * self.weight)


@pytree
class Cropping:
    """What loses a row."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start."""
        del shape, seed
        return cls(jnp.asarray(0.1))

    def prox(self, x, step):
        """Crop."""
        return (1 - step * self.weight) * x[1:]


def test_a_proximal_regularizer_makes_a_lower_level():
    lower = LowerLevel(Identity(), _image(0), Shrinking(jnp.asarray(1.0)))
    assert isinstance(lower.regularizer, ProximalRegularizer)
    with pytest.raises(TypeError, match="Shrinking has neither a gradient nor an operator"):
        lower.operator(lower.y)


def test_a_prox_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"prox maps shape \(7, 6\) to \(6, 6\); the same is due"):
        LowerLevel(Identity(), _image(0), Cropping(jnp.asarray(1.0)))


START = UntiedExperts.initial(SHAPE, 0)
WRONG = {
    "banks of different sizes": (
        {"synthesis": jnp.ones((8, 5, 5))},
        ValueError,
        r"one shape; got \(8, 3, 3\) and \(8, 5, 5\)",
    ),
    "a weight too few": (
        {"weights": jnp.ones(7)},
        ValueError,
        r"weights must be one per filter, shape \(8,\)",
    ),
    "a bias too few": ({"biases": jnp.ones(7)}, ValueError, r"biases must be one per filter, shape \(8,\)"),
    "a bias that is NaN": ({"biases": jnp.full(8, jnp.nan)}, ValueError, "biases must be finite"),
    "a negative weight": ({"weights": -jnp.ones(8)}, ValueError, "weights must not be negative"),
    "integer biases": ({"biases": jnp.ones(8, int)}, TypeError, "biases must be a floating-point array"),
    "no potential": ({"potential": jnp.tanh}, TypeError, "potential must offer value and derivative"),
    "a filter that is not square": ({"filters": jnp.ones((8, 3, 2))}, ValueError, "filters must be square"),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("changes", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(START, **changes)
