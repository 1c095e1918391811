"""The pairs that a regulariser is trained on, and which of them a step takes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...problems.linear_operator import LinearOperator
from ...problems.task import Task


class Pairs(NamedTuple):
    """Measurements with the signals or images that they were made of.

    Attributes:
        A: the operator, shared by all pairs.
        y: measurements, shape (pairs, *range).
        truths: what was measured, shape (pairs, *shape).
    """

    A: LinearOperator
    y: Float[Array, "pairs ..."]
    truths: Float[Array, "pairs ..."]

    @property
    def number(self) -> int:
        """How many pairs there are."""
        return len(self.y)

    def first(self, count: int) -> "Pairs":
        """Return the first pairs."""
        return Pairs(self.A, self.y[:count], self.truths[:count])

    def astype(self, dtype: str) -> "Pairs":
        """Return the same pairs in another precision."""
        return jax.tree.map(lambda leaf: leaf.astype(dtype), self)


class SplitPairs(NamedTuple):
    """Pairs to train on, and pairs of other ground truths, measured by the same operator."""

    training: Pairs
    testing: Pairs


def held_out_pairs(
    A: LinearOperator, task: Task, truths: Float[np.ndarray | Array, "pairs ..."], seed: int
) -> Pairs:
    """Measure other ground truths with the operator of training, and noise of their own.

    Args:
        A: the operator.
        task: that says how much noise there is.
        truths: in the precision that the pairs are to have.
        seed: of the noise.
    """
    clean = jax.vmap(A)(jnp.asarray(truths))
    noise = np.random.default_rng([seed, 15]).normal(size=clean.shape)
    return Pairs(A, clean + jnp.asarray(task.noise * noise, clean.dtype), jnp.asarray(truths))


def batch_indices(
    seed: int, pairs: int, batch: int, first: int, count: int
) -> Int[np.ndarray, "count batch"]:
    """Say which pairs the steps `first` to `first + count - 1` take.

    Every epoch of floor(pairs / batch) steps shuffles the pairs anew; those that are left over sit it out.
    The answer depends on the arguments alone: no method, solver or optimiser changes which pairs a step sees,
    and a training that goes on sees the pairs that it would have seen.

    Args:
        seed: of the shuffles.
        pairs: how many there are.
        batch: how many a step takes; at most `pairs`.
        first: the first step's number, from 0.
        count: the number of steps.
    """
    steps = pairs // batch
    indices = np.empty((count, batch), np.int32)
    done = 0
    while done < count:
        epoch, begin = divmod(first + done, steps)
        shuffled = np.random.default_rng([seed, epoch, 14]).permutation(pairs)
        taken = shuffled[begin * batch : steps * batch].reshape(-1, batch)[: count - done]
        indices[done : done + len(taken)] = taken
        done += len(taken)
    return indices
