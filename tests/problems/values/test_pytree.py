"""Pytrees and configurations: what is a leaf, what is structure, what prints."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    Lorentzian,
    LowerLevel,
    PseudoHuber,
)


def _lower() -> LowerLevel:
    return LowerLevel(Identity(), jnp.ones(3), AnalysisL1(Dense(jnp.ones((2, 3))), jnp.asarray(0.1)))


def test_arrays_are_leaves_with_readable_paths():
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(_lower())]
    assert paths == [".y", ".regularizer.W.matrix", ".regularizer.weight"]


def test_static_fields_are_structure_not_leaves():
    circular = FieldsOfExperts(jnp.ones((1, 3, 3)), jnp.ones(1))
    nonconvex = FieldsOfExperts(jnp.ones((1, 3, 3)), jnp.ones(1), Lorentzian())
    zero = FieldsOfExperts(jnp.ones((1, 3, 3)), jnp.ones(1), PseudoHuber(), "zero")
    assert len(jax.tree.leaves(circular)) == 2
    structures = {jax.tree.structure(tree) for tree in (circular, nonconvex, zero)}
    assert len(structures) == 3
    again = FieldsOfExperts(jnp.zeros((2, 3, 3)), jnp.ones(2), PseudoHuber())
    assert jax.tree.structure(again) == jax.tree.structure(circular)


def test_maps_return_the_same_type_with_its_static_fields():
    bank = FilterBank(jnp.ones((1, 2, 2)), "reflect")
    doubled = jax.tree.map(lambda leaf: 2 * leaf, bank)
    assert isinstance(doubled, FilterBank)
    assert doubled.boundary == "reflect"
    np.testing.assert_array_equal(doubled.filters, 2 * bank.filters)


def test_trees_of_what_is_not_an_array_are_rebuilt_without_checks():
    shapes = jax.eval_shape(lambda lower: lower, _lower())
    assert shapes.y.shape == (3,)
    assert jax.tree.map(lambda _: None, _lower()).regularizer.weight is None
    negative = jax.tree.map(jnp.negative, _lower())
    assert float(negative.regularizer.weight) == -0.1


def test_trees_are_frozen_and_show_shapes_not_entries():
    lower = _lower()
    with pytest.raises(dataclasses.FrozenInstanceError):
        lower.y = jnp.zeros(3)
    assert repr(lower) == (
        "LowerLevel(A=Identity(), y=float64[3], "
        "regularizer=AnalysisL1(W=Dense(matrix=float64[2, 3]), weight=float64[]))"
    )


NAMES = {**vars(hypergrad), **vars(solvers), "PseudoHuber": PseudoHuber, "Inpainting": problems.Inpainting}


@pytest.mark.parametrize(
    ("configuration", "label"),
    [
        (hypergrad.Implicit(), "Implicit()"),
        (hypergrad.Implicit(solvers.Cg()), "Implicit(linear=Cg())"),
        (hypergrad.Implicit(solvers.Dense()), "Implicit(linear=Dense())"),
        (hypergrad.Implicit(solvers.Cg(max_steps=7)), "Implicit(linear=Cg(max_steps=7))"),
        (hypergrad.Unrolled(), "Unrolled()"),
        (hypergrad.Unrolled(checkpoint_every=20), "Unrolled(checkpoint_every=20)"),
        (solvers.Budget(50, 0.0), "Budget(max_steps=50, tolerance=0.0)"),
        (solvers.PrimalDual(), "PrimalDual()"),
        (PseudoHuber(0.1), "PseudoHuber()"),
        (problems.Inpainting(missing=0.5), "Inpainting(missing=0.5)"),
    ],
)
def test_labels_name_what_differs_and_evaluate_to_an_equal_object(configuration, label):
    assert repr(configuration) == label
    again = eval(label, {"__builtins__": {}}, NAMES)  # noqa: S307
    assert again == configuration
    assert hash(again) == hash(configuration)


def test_configurations_are_frozen_and_differ_by_type_and_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        solvers.Cg().max_steps = 3
    assert solvers.Cg(max_steps=3) != solvers.Cg(max_steps=4)
    assert solvers.GradientDescent() != solvers.Nesterov()
