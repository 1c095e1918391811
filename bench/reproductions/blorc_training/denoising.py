"""Test signals and whole images denoised by an operator, beside tuned baselines."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...measure.untimed import untimed
from .certified_batch import dictionary, solve_certified
from .signals import Signals, expected_rows

WEIGHTS = tuple(float(weight) for weight in np.geomspace(0.01, 1.0, 25))
"""Of the baselines, whose rows have norm one; 21% apart."""
BLOCK = 50
"""Signals that are solved together."""


class TunedBaseline(NamedTuple):
    """A baseline's weight, chosen on training signals, and its error on test signals.

    Attributes:
        weight: the best of `WEIGHTS`.
        error: mean squared error over the test signals.
        uncertified: solutions that were not certified: of test signals, and of training ones at any weight.
    """

    weight: float
    error: float
    uncertified: int


def error_on(W: Float[Array, "k n"], signals: Signals) -> tuple[float, int]:
    """Return the mean squared error of min_x 1/2 ||x - y||^2 + ||W x||_1, and how many are not certified."""
    error, uncertified = untimed(_error)(W, *_blocks(signals))
    return float(error), int(uncertified)


def tuned(operator: str, training: Signals, testing: Signals) -> TunedBaseline:
    """Choose the weight of differences or of the cosine transform on training signals, and test it."""
    length = training.truths.shape[1]
    rows = expected_rows(operator, length)
    # A row of zeros is nothing: operators of one shape share a program.
    square = jnp.asarray(np.concatenate([rows, np.zeros((length - len(rows), length))]))
    tried = [error_on(weight * square, training) for weight in WEIGHTS]
    weight = WEIGHTS[int(np.argmin([error for error, _ in tried]))]
    error, uncertified = error_on(weight * square, testing)
    return TunedBaseline(weight, error, uncertified + sum(more for _, more in tried))


def noisy_error(signals: Signals) -> float:
    """Return the mean squared error of the measurements themselves."""
    return float(jnp.mean(jnp.square(signals.measured - signals.truths)))


def _blocks(signals: Signals) -> Sequence[Float[Array, "blocks block n"]]:
    return [part.reshape(-1, min(BLOCK, len(part)), part.shape[1]) for part in signals]


def _error(
    W: Float[Array, "k n"], truths: Float[Array, "blocks block n"], measured: Float[Array, "blocks block n"]
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    shared = dictionary(W)

    def one(block: tuple[Array, Array]) -> tuple[Array, Array]:
        truth, y = block
        found = solve_certified(shared, y, truth, jnp.zeros((y.shape[0], W.shape[0]), y.dtype))
        return jnp.mean(jnp.square(found.x - truth)), jnp.sum(~found.certified)

    errors, uncertified = jax.lax.map(one, (truths, measured))
    return jnp.mean(errors), jnp.sum(uncertified)
