"""The arrays of an instance: made once in float64, then cast."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.linear_operator import LinearOperator
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.task import measure
from .case import Instance


class Inputs(NamedTuple):
    """Everything that a program is given.

    Attributes:
        A: the operator, shared by the batch.
        y: measurements, shape (batch, *range).
        regularizer: the parameters to differentiate by, shared by the batch.
        truths: ground truths, shape (batch, *shape).
    """

    A: LinearOperator
    y: Float[Array, "batch ..."]
    regularizer: Regularizer
    truths: Float[Array, "batch ..."]


def make_inputs(instance: Instance) -> Inputs:
    """Sample, measure and start, in float64 whatever the instance's dtype.

    Raises:
        ValueError: if a constructor refuses the settings.
    """
    truths = instance.data.sample(instance.shape, instance.batch, instance.seed)
    A, y = measure(instance.task, truths, instance.seed)
    return Inputs(A, y, _start(instance), jnp.asarray(truths, jnp.float64))


def template(instance: Instance) -> LowerLevel:
    """Make a lower level that is like those of an instance in all that a `supports` may ask for.

    Its operator and regulariser are the instance's own; the measurements are a ramp, so that no ground truth
    is drawn and nothing is measured.

    Raises:
        ValueError: if a constructor refuses the settings.
    """
    A = instance.task.operator(instance.shape, instance.seed)
    responses = jax.eval_shape(A, jax.ShapeDtypeStruct(instance.shape, jnp.float64)).shape
    y = jnp.linspace(0, 1, math.prod(responses), dtype=jnp.float64).reshape(responses)
    level = LowerLevel(A, y, _start(instance))
    return jax.tree.map(lambda leaf: leaf.astype(instance.dtype), level)


def cast(inputs: Inputs, dtype: str) -> Inputs:
    """Return the inputs in another precision."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype), inputs)


def lower_level(inputs: Inputs, index: int) -> LowerLevel:
    """Return the lower level of one member of the batch."""
    return LowerLevel(inputs.A, inputs.y[index], inputs.regularizer)


def _start(instance: Instance) -> Regularizer:
    return _weighted(instance.regularizer.initial(instance.shape, instance.seed), instance.weight)


def _weighted(regularizer: Any, weight: float | None) -> Regularizer:
    if weight is None:
        return regularizer
    for name in ("weight", "weights"):
        if hasattr(regularizer, name):
            start = getattr(regularizer, name)
            return dataclasses.replace(regularizer, **{name: jnp.full_like(start, weight)})
    raise ValueError(f"{type(regularizer).__name__} has no weight that could be set to {weight:g}")
