"""Optimisers of optax, by what one types."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hypergrad_bench.bench.catalogue.entry import Entry, Origin
from hypergrad_bench.bench.catalogue.typed_call import typed_call, with_settings
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.training.optimizers import optimizer_named
from hypergrad_bench.hypergrad import ClosedForm, Phantom


@pytest.fixture
def usual_promotion():
    """Let optax multiply its whole-number step with numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def first_update(optimizer: optax.GradientTransformation) -> np.ndarray:
    gradient = jnp.asarray([1.0, -2.0])
    return np.asarray(optimizer.update(gradient, optimizer.init(gradient), gradient)[0])


def test_settings_reach_the_optimiser():
    found = first_update(optimizer_named("sgd(momentum=0.9, nesterov=True)", 0.1, "constant", 10))
    np.testing.assert_allclose(found, first_update(optax.sgd(0.1, 0.9, nesterov=True)))


@pytest.mark.usefixtures("usual_promotion")
def test_a_cosine_ends_at_one_per_cent_of_the_rate():
    optimizer, gradient = optimizer_named("sgd", 0.1, "cosine", 4), jnp.asarray([1.0])
    state, updates = optimizer.init(gradient), []
    for _ in range(5):
        update, state = optimizer.update(gradient, state, gradient)
        updates.append(float(update[0]))
    assert updates[0] == pytest.approx(-0.1)
    assert updates[-1] == pytest.approx(-0.001)


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(
    ("text", "rate", "schedule", "message"),
    [
        ("adm", 0.1, "constant", "'adm' is no optimiser of optax with a learning rate; accepted: adabelief"),
        ("chain", 0.1, "constant", "'chain' is no optimiser"),
        ("adam(b3=1)", 0.1, "constant", "optax.adam refuses its settings"),
        ("adam(__import__('os'))", 0.1, "constant", "cannot be read; a name such as NAME"),
        ("adam(b1=open('x'))", 0.1, "constant", "cannot be read"),
        ("adam", -1.0, "constant", "the learning rate must be positive and finite; got -1.0"),
        ("adam", 0.1, "linear", "unknown schedule 'linear'; accepted: constant, cosine"),
    ],
)
def test_what_is_none_is_refused(text, rate, schedule, message):
    with pytest.raises(UserError, match=message):
        optimizer_named(text, rate, schedule, 10)


def test_a_method_is_typed_with_its_settings():
    call = typed_call("closed-form(threshold=1e-6)", "method")
    assert call == ("closed_form", {"threshold": 1e-6})
    entry = Entry("closed-form", ClosedForm(), Origin.LIBRARY)
    assert with_settings(entry, call.settings, "method") == ClosedForm(threshold=1e-6)
    assert with_settings(entry, {}, "method") == ClosedForm()
    with pytest.raises(
        UserError, match="unknown setting of the method 'closed-form' 'treshold'; did you mean"
    ):
        with_settings(entry, {"treshold": 0.1}, "method")
    with pytest.raises(UserError, match="the method 'phantom' refuses"):
        with_settings(Entry("phantom", Phantom(), Origin.LIBRARY), {"steps": 0}, "method")
