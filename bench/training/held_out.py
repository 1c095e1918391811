"""Held-out pairs, and how well a regulariser restores them."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...solvers.budget import Budget
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

    def psnr(self, regularizer: Regularizer) -> float:
        """Return the mean over the pairs, in dB, of a peak of one."""
        return float(jnp.mean(-10 * jnp.log10(self._errors(self._pairs, regularizer))))


def _squared_errors(
    partners: Partners, budget: Budget, pairs: Pairs, regularizer: Regularizer
) -> Float[Array, " pairs"]:
    def of_pair(pair: tuple[Array, Array]) -> Array:
        lower = LowerLevel(pairs.A, pair[0], regularizer)
        return jnp.mean(jnp.square(partners.method(partners.solver, budget, lower).x - pair[1]))

    return jax.lax.map(of_pair, (pairs.y, pairs.truths))
