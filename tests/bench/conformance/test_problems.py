"""Operators, regularisers, tasks and ground truths that break a contract are found."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from findings import failed
from hypergrad_bench import problems
from hypergrad_bench.bench.conformance import tasks
from hypergrad_bench.bench.conformance.operators import check_operator
from hypergrad_bench.bench.conformance.regularizers import check_regularizer
from hypergrad_bench.bench.conformance.tasks import check_ground_truth, check_task
from hypergrad_bench.problems import Denoising, PiecewiseConstant, configuration, pytree


@pytree
class Scaled:
    """A multiple of the identity with an adjoint and a bound of its own."""

    scale: jax.Array
    back: jax.Array
    bound: float = problems.static(default=4.0)

    def __call__(self, x):
        """Scale."""
        return self.scale * x

    def adjoint(self, r):
        """Scale back."""
        return self.back * r

    def squared_norm(self, shape):
        """Return the bound."""
        del shape
        return self.bound


def scaled(**changes) -> Scaled:
    """A correct operator, with changes."""
    two = jnp.asarray(2.0)
    return dataclasses.replace(Scaled(two, two), **changes)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (scaled(), set()),
        (
            scaled(back=jnp.asarray(-2.0)),
            {"dot test, float64", "dot test, float32", "adjoint is the transpose"},
        ),
        (scaled(bound=3.9), {"squared norm is bounded"}),
        (scaled(bound=40.0), {"bound is useful"}),
    ],
    ids=["correct", "wrong adjoint", "norm too small", "norm too large"],
)
def test_operators_that_do_not_conform(operator, expected) -> None:
    """Each defect is named."""
    assert failed(check_operator("operator", operator, (3, 2))) == expected


@pytree
class Quadratic:
    """Half a squared norm whose gradient and Lipschitz constant can be wrong."""

    weight: jax.Array
    factor: float = problems.static(default=1.0)
    bound: float = problems.static(default=2.0)

    @classmethod
    def initial(cls, shape, seed):
        """Start at two."""
        del shape, seed
        return cls(jnp.asarray(2.0))

    def value(self, x):
        """Evaluate."""
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def gradient(self, x):
        """Differentiate."""
        return self.factor * self.weight * x

    def lipschitz(self, shape):
        """Return the bound."""
        del shape
        return self.bound


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"factor": 0.5}, {"gradient of the value"}),
        ({"bound": 1.9}, {"Lipschitz constant is bounded"}),
    ],
    ids=["correct", "wrong gradient", "constant too small"],
)
def test_regularizers_that_do_not_conform(changes, expected) -> None:
    """Each defect is named."""
    regularizer = dataclasses.replace(Quadratic(jnp.asarray(2.0)), **changes)
    assert failed(check_regularizer("regularizer", regularizer, (5,))) == expected


@pytree
class Wandering:
    """A multiple of the identity whose resolvent is that of another."""

    scale: jax.Array
    offset: float = problems.static(default=0.0)

    def __call__(self, x):
        """Scale."""
        return self.scale * x

    def adjoint(self, r):
        """Scale back."""
        return self.scale * r

    def squared_norm(self, shape):
        """Return the square."""
        del shape
        return jnp.square(self.scale)

    def resolvent(self, z, tau):
        """Divide."""
        return z / (1 + tau * jnp.square(self.scale) + self.offset)


@pytest.mark.parametrize(("offset", "expected"), [(0.0, set()), (0.01, {"resolvent inverts"})])
def test_resolvents_that_do_not_invert(offset, expected) -> None:
    """A wrong resolvent would move every solver that uses it."""
    assert failed(check_operator("operator", Wandering(jnp.asarray(2.0), offset), (3, 2))) == expected


@pytree
class Shrinking:
    """Half a squared norm that is known by its prox, which can be wrong."""

    weight: jax.Array
    broken: str = problems.static(default="")

    @classmethod
    def initial(cls, shape, seed):
        """Start at two."""
        del shape, seed
        return cls(jnp.asarray(2.0))

    def value(self, x):
        """Evaluate."""
        value = 0.5 * self.weight * jnp.sum(jnp.square(x))
        return value * jnp.nan if self.broken == "no number" else value

    def prox(self, x, step):
        """Shrink: not enough, or in a layout of its own."""
        shrunk = x / (1 + step * self.weight)
        if self.broken == "short":
            return 1.01 * shrunk
        return shrunk[None] if self.broken == "flat" else shrunk


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("", set()),
        ("short", {"prox minimises"}),
        ("flat", {"prox's layout"}),
        ("no number", {"finite value"}),
    ],
)
def test_proximal_maps_that_do_not_conform(broken, expected) -> None:
    """A prox is held to the value, where there is one."""
    found = failed(check_regularizer("regularizer", Shrinking(jnp.asarray(2.0), broken), (5,)))
    assert expected <= found
    assert bool(expected) or not found


@pytree
class Mute:
    """A regulariser that says nothing of a signal."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at two."""
        del shape, seed
        return cls(jnp.asarray(2.0))


@pytree
class Turning:
    """An operator without an energy, and a constant that is too small by `factor`."""

    weight: jax.Array
    factor: float = problems.static(default=1.0)

    @classmethod
    def initial(cls, shape, seed):
        """Start at two."""
        del shape, seed
        return cls(jnp.asarray(2.0))

    def operator(self, x):
        """Scale and turn."""
        return self.weight * jnp.roll(x, 1)

    def lipschitz(self, shape):
        """Return the weight, or less."""
        del shape
        return self.factor * self.weight


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (Mute(jnp.asarray(2.0)), {"reaches the signal"}),
        (Turning(jnp.asarray(2.0)), set()),
        (Turning(jnp.asarray(2.0), 0.9), {"Lipschitz constant is bounded"}),
    ],
    ids=["offers nothing", "correct operator", "constant too small"],
)
def test_operators_in_place_of_gradients_that_do_not_conform(regularizer, expected) -> None:
    """Each defect is named."""
    assert failed(check_regularizer("regularizer", regularizer, (5,))) == expected


@configuration
class Unseeded:
    """A task whose operator follows no seed."""

    noise: float = 0.1

    def operator(self, shape, seed):
        """Draw a mask."""
        del seed
        return problems.Mask(jnp.asarray(np.random.default_rng().random(shape)))


def test_a_task_that_follows_no_seed_does_not_conform() -> None:
    """Nobody could measure the same thing twice."""
    assert "same seed, same operator" in failed(check_task("task", Unseeded(), (8, 8)))


@pytest.mark.parametrize(
    ("factor", "offset", "expected"),
    [(2.0, 0.0, "level of the noise"), (1.0, 0.05, "noise without bias")],
)
def test_other_noise_than_a_task_says_is_found(factor, offset, expected, monkeypatch) -> None:
    """The statistics are measured, not believed."""

    def distorted(task, truths, seed):
        A, y = problems.measure(task, truths, seed)
        return A, truths + factor * (y - truths) + offset

    monkeypatch.setattr(tasks, "measure", distorted)
    assert failed(check_task("task", Denoising(), (8, 8))) == {expected}


@configuration
class Restless:
    """A ground truth that forgets its seed, appends nothing and has one split."""

    def sample(self, shape, count, seed, split="train"):
        """Return a sample that depends on the count alone."""
        del seed, split
        return PiecewiseConstant().sample(shape, count, count)

    def supports(self, shape):
        """Take everything for a signal."""
        del shape


def test_a_ground_truth_that_does_not_conform() -> None:
    """A sentence must say something, splits must differ, a larger count appends."""
    assert failed(check_ground_truth("truth", Restless(), (16,))) == {"more appends", "splits differ"}
    assert "supports (8, 8)" in failed(check_ground_truth("truth", Wordless(), (8, 8)))
    assert failed(check_ground_truth("truth", PiecewiseConstant(), (8, 8))) == set()


@configuration
class Wordless:
    """A ground truth that refuses without a word."""

    def sample(self, shape, count, seed, split="train"):
        """Refuse."""
        raise ValueError("no")

    def supports(self, shape):
        """Refuse without a word."""
        return ""
