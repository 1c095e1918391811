"""Pairs restored by a regulariser, and the weight that restores training pairs best."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ....problems import LowerLevel
from ....problems.linear_operator import LinearOperator
from ....solvers import Outcome, solve
from ....solvers.residuals import gradient_residual
from ...measure.untimed import untimed
from ...restoring.tuning import Tuned, best_factor
from ...training.pairs import Pairs
from .models import ElderModel, Trainable


class RestoredPairs(NamedTuple):
    """Solutions, what they miss, and how their solves ended, with a leading axis of pairs.

    Attributes:
        x: the solutions.
        psnr: the mean over the pairs, in dB of a peak of one; not finite where one is not.
        residual: relative norm of the energy's gradient, or of the operator.
        status: an `Outcome`.
    """

    x: Float[Array | np.ndarray, "pairs h w"]
    psnr: float
    residual: Float[Array | np.ndarray, " pairs"]
    status: Int[Array | np.ndarray, " pairs"]

    @property
    def unsolved(self) -> int:
        """How many solves missed their tolerance."""
        return int(np.count_nonzero(np.asarray(self.status) != int(Outcome.CONVERGED)))

    @property
    def astray(self) -> int:
        """How many of them did not run out of steps, but diverged or left the numbers or a range."""
        ran = np.isin(np.asarray(self.status), [int(Outcome.CONVERGED), int(Outcome.MAX_STEPS)])
        return int(np.count_nonzero(~ran))


def restored(model: ElderModel, pairs: Pairs, regularizer: Trainable, block: int) -> RestoredPairs:
    """Restore all pairs, so many at once: one program for all numbers of them.

    Raises:
        ValueError: if the number of pairs is no multiple of `block`.
    """
    if pairs.number % block:
        raise ValueError(f"{pairs.number} pairs are no multiple of {block}")
    found = [
        _restored_block(model, pairs.A, pairs.y[first : first + block], regularizer)
        for first in range(0, pairs.number, block)
    ]
    x, residual, status = (np.concatenate([np.asarray(one[part]) for one in found]) for part in range(3))
    return RestoredPairs(x, mean_psnr(x, pairs.truths), residual, status)


def tuned_weight(model: ElderModel, pairs: Pairs, regularizer: Trainable, block: int) -> Tuned:
    """Find the weight with the largest PSNR on some pairs, by doubling and halving.

    One with which a solve diverges or leaves the numbers is worse than all others, and scores -inf.
    """

    def score(factor: float) -> float:
        weighted = regularizer.times(jnp.asarray(factor, pairs.y.dtype))
        found = restored(model, pairs, weighted, block)
        return found.psnr if np.isfinite(found.psnr) and not found.astray else -np.inf

    return best_factor(score)


def mean_psnr(x: Any, truths: Any) -> float:
    """Return the mean PSNR of images (pairs, h, w) in dB, for a peak of one."""
    errors = np.mean(np.square(np.asarray(x, np.float64) - np.asarray(truths, np.float64)), axis=(1, 2))
    return float(np.mean(-10 * np.log10(errors)))


@partial(untimed, static=(0,))
def _restored_block(
    model: ElderModel, A: LinearOperator, y: Float[Array, "block ..."], regularizer: Trainable
) -> tuple[Array, Array, Array]:
    def restore(y: Float[Array, "..."]) -> tuple[Array, Array, Array]:
        lower = LowerLevel(A, y, regularizer)
        found = solve(model.solver, model.budget, lower)
        return found.x, gradient_residual(lower, found.x), found.status

    return jax.vmap(restore)(y)
