"""The signals of BLORC's training experiments, and the operators that they are expected to lead to."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from ....problems import DctSparse, Denoising, PiecewiseConstant, measure
from ....problems.ground_truth import GroundTruth, Split

LENGTH, BATCH, NOISE = 64, 5, 0.1
"""n = k, signals in a step, and the standard deviation of the noise: the authors' settings."""
SEEDS = (0, 1, 2)
"""Of signals, noise and batches: a training is repeated with each."""


class Signals(NamedTuple):
    """Ground truths and their noisy measurements."""

    truths: Float[Array, "count n"]
    measured: Float[Array, "count n"]


@dataclass(frozen=True)
class SignalKind:
    """A kind of signals, with the name of the operator whose rows a learned W should have."""

    name: str
    operator: str
    source: GroundTruth


PIECEWISE = SignalKind("piecewise constant", "differences", PiecewiseConstant(jump_probability=0.1))
COSINE = SignalKind("cosine-sparse", "cosine transform", DctSparse(density=0.1))
KINDS = (PIECEWISE, COSINE)


def draw_signals(kind: SignalKind, length: int, count: int, seed: int, split: Split = "train") -> Signals:
    """Draw signals and measure them with noise of another seed for each split."""
    truths = kind.source.sample((length,), count, seed, split)
    _, measured = measure(Denoising(noise=NOISE), truths, 2 * seed + (split == "test"))
    return Signals(jnp.asarray(truths), measured)


def first_operator(length: int) -> Float[Array, "n n"]:
    """Return the W that training starts with: 0.01 (I - 11^T / n)."""
    return jnp.asarray(0.01 * (np.eye(length) - np.full((length, length), 1 / length)))


def differences(length: int) -> Float64[np.ndarray, "rows n"]:
    """Return the differences of neighbours, each row of norm one."""
    return np.diff(np.eye(length), axis=0) / np.sqrt(2)


def cosine_transform(length: int) -> Float64[np.ndarray, "n n"]:
    """Return the orthonormal cosine transform (DCT-II)."""
    import scipy.fft  # it takes a third as long to import as JAX

    return np.asarray(scipy.fft.dct(np.eye(length), norm="ortho", axis=0))


def expected_rows(operator: str, length: int) -> Float64[np.ndarray, "rows n"]:
    """Return the rows, of norm one, of one of the two operators."""
    return {"differences": differences, "cosine transform": cosine_transform}[operator](length)
