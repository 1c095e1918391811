"""Parameters stay in their range while they are trained, by a rule that is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.training.leaf_range import leaf_ranges
from hypergrad_bench.bench.training.parametrization import parametrization
from hypergrad_bench.problems import (
    AnalysisL1,
    Denoiser,
    Dense,
    FieldsOfExperts,
    PlugAndPlay,
    PseudoHuber,
    Red,
)
from hypergrad_bench.problems.networks import Drunet

TINY = Drunet(widths=(2, 2), blocks=1, activation="elu")


def ranges(regularizer) -> dict[str, str]:
    return {one.name: one.values for one in leaf_ranges(regularizer)}


def l1(weight: float = 0.1) -> AnalysisL1:
    return AnalysisL1(Dense(jnp.eye(3, dtype=jnp.float64)), jnp.asarray([weight, 0.2, 0.3]))


def experts() -> FieldsOfExperts:
    start = FieldsOfExperts.initial((4, 4), 0)
    return FieldsOfExperts(start.filters, start.weights, PseudoHuber(jnp.asarray(0.1)))


def test_the_regulariser_tells_which_of_its_leaves_have_a_range():
    assert ranges(l1()) == {"W.matrix": "any number", "weight": "not negative"}
    assert ranges(experts()) == {
        "filters": "any number",
        "weights": "not negative",
        "potential.scale": "positive",
    }


def test_ranges_inside_a_denoiser_are_found():
    denoiser = Denoiser(TINY.init(0), jnp.asarray(0.05), TINY)
    found = ranges(PlugAndPlay(denoiser, jnp.asarray(0.5)))
    assert found.pop("relaxation") == "from 0 to 1"
    assert found.pop("denoiser.sigma") == "not negative"
    assert set(found.values()) == {"any number"}
    assert ranges(Red(denoiser, jnp.asarray(0.1)))["weight"] == "not negative"


@pytest.mark.parametrize("keeping", ["projection", "exp", "softplus"])
def test_what_is_moved_stands_for_the_parameters(keeping):
    rules = parametrization(l1(), keeping)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-14),
        rules.regularizer(rules.free(l1())),
        l1(),
    )


@pytest.mark.parametrize("keeping", ["projection", "exp", "softplus"])
def test_no_step_makes_a_weight_negative(keeping):
    rules = parametrization(l1(), keeping)
    far = jax.tree.map(lambda leaf: leaf - 30.0, rules.free(l1()))
    moved = rules.regularizer(rules.projected(far))
    assert float(jnp.min(moved.weight)) >= 0
    np.testing.assert_array_equal(moved.W.matrix, l1().W.matrix - 30.0)
    assert keeping in rules.sentences()["weight"].replace("projected", "projection")


def test_a_positive_scale_stays_above_a_floor_that_is_said():
    rules = parametrization(experts())
    moved = rules.projected(jax.tree.map(lambda leaf: leaf - 1.0, rules.free(experts())))
    assert float(moved.potential.scale) == pytest.approx(1e-4)
    assert "at least 0.0001" in rules.sentences()["potential.scale"]


def test_a_number_between_bounds_goes_through_a_sigmoid():
    denoiser = Denoiser(TINY.init(0), jnp.asarray(0.05), TINY)
    rules = parametrization(PlugAndPlay(denoiser, jnp.asarray(0.5)), "exp", learn=["relaxation"])
    far = jax.tree.map(lambda leaf: leaf + 5.0, rules.free(PlugAndPlay(denoiser, jnp.asarray(0.5))))
    assert 0.99 < float(rules.regularizer(far).relaxation) < 1
    assert "sigmoid" in rules.sentences()["relaxation"]
    assert rules.sentences()["denoiser.sigma"] == "not learned"


def test_only_what_is_learned_is_moved():
    rules = parametrization(l1(), learn=["weight"])
    change = rules.learned(jax.tree.map(jnp.ones_like, l1()))
    np.testing.assert_array_equal(change.W.matrix, 0)
    np.testing.assert_array_equal(change.weight, 1)
    (leaf,) = rules.learned_leaves(l1())
    np.testing.assert_array_equal(rules.with_learned(l1(), [2 * leaf]).weight, 2 * l1().weight)


@pytest.mark.usefixtures("as_users_run")
def test_what_cannot_be_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="'weights' is no parameter of AnalysisL1; accepted: W"):
        parametrization(l1(), learn=["weights"])
    with pytest.raises(ValueError, match="'weight' starts at a bound of its range"):
        parametrization(l1(0.0), "exp")
    with pytest.raises(ValueError, match="keeping must be one of"):
        parametrization(l1(), "abs")  # pyright: ignore[reportArgumentType]
    below = jax.tree.map(lambda leaf: -leaf, l1())
    with pytest.raises(ValueError, match="is out of its range; start from one that is not"):
        leaf_ranges(below)
