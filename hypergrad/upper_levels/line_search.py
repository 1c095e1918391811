"""Backtracking along a hypergradient, judged by bounds of the loss."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.values.configuration import configuration
from .parameter_step import chosen, is_usable, squared_distance, stepped
from .upper_loss import LossBounds


class Ray(NamedTuple):
    """Where a search begins and in which direction it goes.

    Attributes:
        regularizer: the parameters there.
        x: approximate solutions there.
        loss: bounds of the loss there.
        gradient: the hypergradient; the search goes against it.
        step_size: the first length that is tried.
    """

    regularizer: Any
    x: Float[Array, "pairs ..."]
    loss: LossBounds
    gradient: Any
    step_size: Float[Array, ""]


class Evaluated(NamedTuple):
    """What is known of the loss at parameters that were tried.

    Attributes:
        x: approximate solutions.
        loss: with its bounds.
        gradients: that the solves took.
    """

    x: Float[Array, "pairs ..."]
    loss: LossBounds
    gradients: Int[Array, ""]


class Searched(NamedTuple):
    """The end of a search.

    Attributes:
        regularizer: the parameters, those of the ray where nothing was found.
        x: approximate solutions there.
        loss: bounds of the loss there.
        step_size: the last length that was tried.
        enough: whether the loss has certainly fallen enough.
        trials: lengths that were tried.
        gradients: evaluations of the energies' gradients, over all trials.
    """

    regularizer: Any
    x: Float[Array, "pairs ..."]
    loss: LossBounds
    step_size: Float[Array, ""]
    enough: Bool[Array, ""]
    trials: Int[Array, ""]
    gradients: Int[Array, ""]


Evaluate = Callable[[Any, Float[Array, "pairs ..."]], Evaluated]
"""From parameters, and solutions to begin at, to solutions and the loss."""


@configuration
class Backtracking:
    """Try step sizes a, a shrink, a shrink^2, ... until the loss has certainly fallen enough.

        most(theta+) <= least(theta) - decrease ||theta+ - theta||^2 / a,

    theta+ = P(theta - a z), P the projection on the parameters' range. `most` and `least` bound the loss at
    the exact solutions from above and below, so that the true loss falls by at least as much. Without a
    projection what is asked for is decrease * a ||z||^2. Parameters out of range or not finite never pass.
    Source: Salehi, Mukherjee, Roberts and Ehrhardt, 2024, section 3 (without the projection, which is added).

    Args:
        decrease: share of the squared move, over its step size, by which the loss must fall.
        shrink: factor from one trial to the next.

    Raises:
        ValueError: if `decrease` or `shrink` is not between 0 and 1.
    """

    decrease: float = 1e-3
    shrink: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.decrease < 1 and 0 < self.shrink < 1):
            raise ValueError(
                f"decrease and shrink must be between 0 and 1; got {self.decrease} and {self.shrink}"
            )

    def search(self, ray: Ray, evaluate: Evaluate, most: Int[Array, ""]) -> Searched:
        """Return the first step that passes, after at most so many trials; with 0 trials, none."""

        def running(now: Searched) -> Bool[Array, ""]:
            return ~now.enough & (now.trials < most)

        def advance(now: Searched) -> Searched:
            step_size = jnp.where(now.trials > 0, self.shrink * now.step_size, now.step_size)
            return self._trial(ray, evaluate, now._replace(step_size=step_size))

        zero = jnp.zeros((), jnp.int32)
        begun = Searched(ray.regularizer, ray.x, ray.loss, ray.step_size, jnp.zeros((), bool), zero, zero)
        return jax.lax.while_loop(running, advance, begun)

    def _trial(self, ray: Ray, evaluate: Evaluate, now: Searched) -> Searched:
        regularizer = stepped(ray.regularizer, ray.gradient, now.step_size)
        tried = evaluate(regularizer, ray.x)
        least_fall = self.decrease * squared_distance(regularizer, ray.regularizer) / now.step_size
        # NaN compares false.
        enough = (tried.loss.most <= ray.loss.least - least_fall) & is_usable(regularizer)
        found = Searched(
            regularizer,
            tried.x,
            tried.loss,
            now.step_size,
            enough,
            now.trials + 1,
            now.gradients + tried.gradients,
        )
        kept = found._replace(regularizer=ray.regularizer, x=ray.x, loss=ray.loss)
        return chosen(enough, found, kept)
