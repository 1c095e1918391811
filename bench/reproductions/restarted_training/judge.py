"""What a regulariser is worth on held-out pairs, and how wrong a gradient is."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ....problems import LowerLevel, Regularizer
from ....solvers import Outcome, Solver, solve
from ...measure.untimed import untimed
from ...records.status import Status
from ...training.pair_step import PairStep, pair_step
from ...training.pairs import Pairs
from ...training.recipe import Recipe
from ...training.start import Start
from ..relative_error import finite, relative_error
from .contestants import REFERENCE_TOLERANCE, TESTED, reference_way
from .problem import RestartedModel


class TestedPsnr(NamedTuple):
    """The quality of restorations of held-out pairs.

    Attributes:
        psnr: mean over the pairs, in dB, of a peak of one; None where it is not finite.
        unsolved: pairs whose fixed point was not reached, so that its PSNR is that of some iterate.
    """

    psnr: float | None
    unsolved: int


class GradientError(NamedTuple):
    """How wrong a gradient is, or why that is not known.

    Attributes:
        error: relative; None where the status is not ok.
        status: adjoint_missed where the gradient that it is compared with was not found, not_finite where
            the gradient itself is not.
        reason: a sentence where it is not ok.
    """

    error: float | None
    status: Status = Status.OK
    reason: str = ""


class Judge:
    """Judge in float64, by fixed points of `TESTED` and gradients of `reference_way`, whatever training took.

    Programs are compiled once for all regularisers and pairs of the same shapes.

    Args:
        model: what is trained.
        recipes: those of the methods whose gradients are judged, by name.
    """

    def __init__(self, model: RestartedModel, recipes: dict[str, Recipe]) -> None:
        """Compile nothing yet."""
        method, budget = reference_way(model)
        # All share what is learned and the solver.
        exact = replace(next(iter(recipes.values())), method=method, budget=budget)
        self._taken = {name: untimed(partial(_gradient, recipe)) for name, recipe in recipes.items()}
        self._exact = untimed(partial(_gradient, exact))
        self._tested = untimed(partial(_tested, model.solver))

    def psnr(self, regularizer: Regularizer, pairs: Pairs) -> TestedPsnr:
        """Restore held-out pairs by the fixed points of a regulariser."""
        errors, solved = self._tested(_double(regularizer), pairs)
        psnr = float(np.mean(-10 * np.log10(np.maximum(errors, np.finfo(np.float64).tiny))))
        return TestedPsnr(finite(psnr), int(np.sum(~np.asarray(solved))))

    def gradient_error(self, name: str, regularizer: Regularizer, pairs: Pairs) -> GradientError:
        """Return the relative error of a method's mean gradient."""
        exact, failed = self._exact(_double(regularizer), pairs)
        if bool(failed) or not np.isfinite(exact).all() or not np.any(exact):
            reason = f"the exact gradient was not found to {REFERENCE_TOLERANCE:g}, or is zero"
            return GradientError(None, Status.ADJOINT_MISSED, reason)
        taken, _ = self._taken[name](_double(regularizer), pairs)
        error = finite(relative_error(np.asarray(taken), np.asarray(exact)))
        if error is None:
            return GradientError(None, Status.NOT_FINITE, "this gradient is not finite")
        return GradientError(error)


def _gradient(
    recipe: Recipe, regularizer: Regularizer, pairs: Pairs
) -> tuple[Float[Array, " learned"], Bool[Array, ""]]:
    """Return the mean gradient by the free numbers that are learned, and whether a pair of it failed."""
    rules = recipe.parametrization
    free = rules.free(regularizer)

    def of_pair(y: Array, truth: Array) -> PairStep:
        return pair_step(recipe, LowerLevel(pairs.A, y, regularizer), truth, Start())

    found = jax.vmap(of_pair)(pairs.y, pairs.truths)
    mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found.gradient)
    (by_free,) = jax.vjp(rules.regularizer, free)[1](mean)
    return ravel_pytree(rules.learned_leaves(by_free))[0], jnp.any(found.failed)


def _tested(solver: Solver, regularizer: Regularizer, pairs: Pairs) -> tuple[Array, Array]:
    """Return every pair's mean squared error, and whether its fixed point was reached."""

    def of_pair(pair: tuple[Array, Array]) -> tuple[Array, Array]:
        y, truth = pair
        solution = solve(solver, TESTED, LowerLevel(pairs.A, y, regularizer))
        return jnp.mean(jnp.square(solution.x - truth)), solution.status == int(Outcome.CONVERGED)

    # One after the other: pairs need very different numbers of steps.
    return jax.lax.map(of_pair, (pairs.y, pairs.truths))


def _double(regularizer: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), regularizer)
