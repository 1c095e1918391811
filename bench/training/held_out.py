"""Held-out pairs, and how well a regulariser restores them."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...solvers.budget import Budget
from ...solvers.solver import Outcome
from .pairs import Pairs
from .partners import Partners


class HeldOut:
    """Restore pairs that are not trained on.

    Args:
        pairs: of the test split.
        partners: by whose solver they are solved.
        budget: how accurately.
    """

    def __init__(self, pairs: Pairs, partners: Partners, budget: Budget) -> None:
        """Compile nothing yet."""
        self._pairs = pairs
        self._errors = jax.jit(partial(_squared_errors, partners, budget))

    def restored(self, regularizer: Regularizer) -> "Restored":
        """Solve all pairs, and say how good that is and how many solves failed."""
        errors, solved = self._errors(self._pairs, regularizer)
        psnr = float(jnp.mean(-10 * jnp.log10(errors)))
        missed = int(jnp.sum(~solved))
        return Restored(None if missed or not math.isfinite(psnr) else psnr, missed)


class Restored(NamedTuple):
    """How well held-out pairs are restored.

    Attributes:
        psnr: mean over the pairs, in dB, of a peak of one; None if a solve failed, or it is not finite.
        missed: how many pairs' solves did not converge.
    """

    psnr: float | None
    missed: int


def _squared_errors(
    partners: Partners, budget: Budget, pairs: Pairs, regularizer: Regularizer
) -> tuple[Float[Array, " pairs"], Bool[Array, " pairs"]]:
    """Return the mean squared error of each pair, and whether its solve converged."""

    def of_pair(pair: tuple[Array, Array]) -> tuple[Array, Array]:
        found = partners.method(partners.solver, budget, LowerLevel(pairs.A, pair[0], regularizer))
        return jnp.mean(jnp.square(found.x - pair[1])), found.status == int(Outcome.CONVERGED)

    return jax.lax.map(of_pair, (pairs.y, pairs.truths))
