"""What one pair contributes to a step of training."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...hypergrad.hypergradient import Hypergradient, hypergradient
from ...hypergrad.method import AdjointMethod, Backward, is_warm
from ...hypergrad.rules.checked import is_trusted
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.values.validation import is_known
from ...solvers.solver import Outcome, Solution, StartPoint
from .recipe import Recipe
from .start import Start, leaves_point, next_start, own_point


class PairStep(NamedTuple):
    """The loss of one pair with its gradient, and what is known of both.

    Attributes:
        loss: at the solution.
        gradient: by the regulariser's parameters.
        squared_error: mean over the pixels, whatever the loss.
        steps: of the solver.
        residual: of the lower level, relative.
        adjoint_residual: of the adjoint equation, relative; None for methods without one.
        failed: whether either missed what was asked of it, so that the gradient is not to be trusted.
        start: where the next solve of this pair starts.
    """

    loss: Float[Array, ""]
    gradient: Regularizer
    squared_error: Float[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    adjoint_residual: Float[Array, ""] | None
    failed: Bool[Array, ""]
    start: Start


def pair_step(recipe: Recipe, lower: LowerLevel, truth: Float[Array, "..."], start: Start) -> PairStep:
    """Solve the lower level of one pair and differentiate its loss by the regulariser's parameters."""
    found = _differentiated(recipe, lower, truth, start)
    solution, backward = found.solution, found.backward
    return PairStep(
        loss=found.value,
        gradient=found.gradient.regularizer,
        squared_error=jnp.mean(jnp.square(solution.x - truth)),
        steps=solution.steps,
        residual=solution.residual,
        adjoint_residual=backward.residual,
        failed=~_is_good(recipe, solution, backward),
        start=next_start(recipe.solver, lower, start, solution, backward),
    )


def first_start(recipe: Recipe, lower: LowerLevel, truth: Float[Array, "..."]) -> Start:
    """Return where the first solve of a pair starts, if all are to start warm.

    A pair (x, u) is the solver's own, so that the first step is that of a cold training; an adjoint is zero.

    Raises:
        ValueError: if solver or method do not support the lower level, with the reason.
    """
    # First without a start: whatever is wrong with the problem itself is said here.
    cold = jax.eval_shape(lambda: _differentiated(recipe, lower, truth, Start()))
    if recipe.starts == "cold":
        return Start()
    adjoint = cold.backward.adjoint if is_warm(recipe.method) else None
    zeros = None if adjoint is None else jnp.zeros(adjoint.shape, adjoint.dtype)
    point = own_point(recipe.solver, lower)
    return Start(point if _goes_on(recipe, lower, truth, point) else None, zeros)


def _goes_on(recipe: Recipe, lower: LowerLevel, truth: Float[Array, "..."], point: StartPoint | None) -> bool:
    """Tell whether solves can begin at a point, and say where the next one begins."""
    if point is None:
        return False
    try:
        found = jax.eval_shape(lambda: _differentiated(recipe, lower, truth, Start(point)))
    except ValueError:  # other libraries' methods, and refining ones, choose the start themselves
        return False
    return leaves_point(recipe.solver, found.solution)


def _differentiated(
    recipe: Recipe, lower: LowerLevel, truth: Float[Array, "..."], start: Start
) -> Hypergradient:
    method, solver, budget = recipe.method, recipe.solver, recipe.budget

    def outer(x: Float[Array, "..."]) -> Float[Array, ""]:
        return recipe.loss(x, truth)

    if isinstance(method, AdjointMethod):
        return hypergradient(method, solver, budget, lower, outer, *start)

    def loss(learned: Any) -> tuple[Array, Solution]:
        regularizer = recipe.parametrization.with_learned(lower.regularizer, learned)
        solution = method(solver, budget, lower.replace(regularizer=regularizer), start.point)
        return outer(solution.x), solution

    # By what is learned alone: some methods perturb one number after the other.
    learned = recipe.parametrization.learned_leaves(lower.regularizer)
    (value, solution), slopes = jax.value_and_grad(loss, has_aux=True)(learned)
    zeros = jax.tree.map(jnp.zeros_like, lower.regularizer)
    gradient = recipe.parametrization.with_learned(zeros, slopes)
    return Hypergradient(value, lower.replace(regularizer=gradient), solution, Backward())


def _is_good(recipe: Recipe, solution: Solution, backward: Backward) -> Bool[Array, ""]:
    """Tell whether solve and adjoint did what was asked for: of some, only to make so many steps."""
    tolerance = recipe.budget.tolerance
    no_tolerance = is_known(tolerance) and tolerance == 0
    if recipe.method.traits.uses_every_step or no_tolerance:
        ran = solution.status == int(Outcome.MAX_STEPS)
        solution = solution._replace(status=jnp.where(ran, int(Outcome.CONVERGED), solution.status))
    return is_trusted(solution, backward)
