"""Conformance of tasks and ground truths."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...problems.ground_truth import GroundTruth
from ...problems.linear_operator import LinearOperator
from ...problems.task import Task, measure
from .finding import Finding, bounded, distance, is_reason, layout

MEASURED = 64
DEVIATIONS = 5
"""Statistics of the noise may lie so many of their own standard deviations off; one seed in a million is."""


def check_task(subject: str, task: Task, shape: tuple[int, ...]) -> Iterator[Finding]:
    """Check a task on signals of one shape: its operator, and the noise of its measurements."""
    first, again = task.operator(shape, 0), task.operator(shape, 0)
    yield Finding(
        subject,
        "makes a linear operator",
        isinstance(first, LinearOperator),
        f"operator returns {first!r}",
    )
    yield Finding(
        subject, "one layout", layout(first) == layout(again), f"the same seed gives {first!r} and {again!r}"
    )
    yield bounded(subject, "same seed, same operator", distance(again, first), 0.0)
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves(first)}
    yield Finding(
        subject, "operator in float64", dtypes <= {"float64"}, f"leaves: {', '.join(dtypes) or 'none'}"
    )
    yield from _check_noise(subject, task, shape)


def _check_noise(subject: str, task: Task, shape: tuple[int, ...]) -> Iterator[Finding]:
    truths = np.random.default_rng([0, 7]).random((MEASURED, *shape))
    A, y = measure(task, truths, 0)
    noise = np.asarray(y - jax.vmap(A)(jnp.asarray(truths)))
    spread, expected = float(np.std(noise)), float(task.noise)
    slack = max(DEVIATIONS * expected / np.sqrt(2 * noise.size), 1e-12)
    yield Finding(
        subject,
        "level of the noise",
        abs(spread - expected) <= slack,
        f"its standard deviation is {spread:.4g}; {expected:.4g} within {slack:.1g} is expected",
    )
    mean, slack = float(np.mean(noise)), max(DEVIATIONS * expected / np.sqrt(noise.size), 1e-12)
    yield Finding(
        subject,
        "noise without bias",
        abs(mean) <= slack,
        f"its mean is {mean:.1e}; at most {slack:.1e} is allowed",
    )
    yield bounded(subject, "same seed, same noise", distance(measure(task, truths, 0)[1], y), 0.0)
    other = distance(measure(task, truths[:1], 1)[1], y[:1])
    yield Finding(
        subject,
        "another seed, other noise",
        other > 0 or expected == 0,
        f"measurements of two seeds differ by {other:.1e}",
    )


def check_ground_truth(subject: str, truth: GroundTruth, shape: tuple[int, ...]) -> Iterator[Finding]:
    """Check a ground truth at one shape: a sample where it is supported, else a sentence and an error."""
    reason = truth.supports(shape)
    yield Finding(
        subject, f"supports {shape}", is_reason(reason), f"supports returns {reason!r}, None or a sentence"
    )
    if reason is not None:
        yield Finding(subject, f"refuses {shape}", *_refusal(truth, shape))
        return
    sample = truth.sample(shape, 3, 0)
    yield Finding(
        subject,
        f"layout of {shape}",
        sample.shape == (3, *shape) and sample.dtype == np.float64,
        f"three of shape {shape} have shape {sample.shape} and dtype {sample.dtype}",
    )
    yield Finding(
        subject, "finite", bool(np.isfinite(sample).all()), f"from {sample.min():.3g} to {sample.max():.3g}"
    )
    yield bounded(subject, "same seed, same sample", distance(truth.sample(shape, 3, 0), sample), 0.0)
    yield bounded(subject, "more appends", distance(truth.sample(shape, 2, 0), sample[:2]), 0.0)
    apart = distance(truth.sample(shape, 3, 0, "test"), sample)
    yield Finding(subject, "splits differ", apart > 0, f"training and testing samples differ by {apart:.1e}")


def _refusal(truth: Any, shape: tuple[int, ...]) -> tuple[bool, str]:
    try:
        truth.sample(shape, 1, 0)
    except ValueError as error:
        return True, f"sample raises ValueError: {error}"
    return False, "sample returns an array of a shape that supports refuses"
