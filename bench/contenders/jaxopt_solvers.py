"""jaxopt's solvers on our lower levels: what its implicit and its unrolled derivative have in common."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import GroupRegularizer
from ...solvers.analysis_l1_problem import analysis_regularizer
from ...solvers.budget import Budget
from ...solvers.certificate import certify
from ...solvers.iterations import dual_fista, gradient_descent, lbfgs, nesterov
from ...solvers.residuals import gradient_residual, kkt_residual
from ...solvers.solve import Ended, finish, first_state
from ...solvers.solver import Solution, Solver, StartPoint

_SMOOTH = (gradient_descent.GradientDescent, nesterov.Nesterov, lbfgs.Lbfgs)


def supports_jaxopt(solver: Solver, lower: LowerLevel) -> str | None:
    """Return None if jaxopt has a solver that does what ours does, else a sentence."""
    if isinstance(lower.regularizer, GroupRegularizer):
        return "jaxopt has no projection of groups of dual variables"
    if isinstance(solver, (*_SMOOTH, dual_fista.DualFista)):
        return None
    return f"jaxopt has no counterpart of {type(solver).__name__}"


def run_jaxopt(
    solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None, implicit: bool
) -> Solution:
    """Solve with jaxopt's counterpart of `solver`: same start, same step size, same tolerance.

    Raises:
        ValueError: if the solver cannot begin at the start that is given.
    """
    first = first_state(solver, lower, jax.lax.stop_gradient(start))
    with warnings.catch_warnings(), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        # jaxopt says on import that it is no longer maintained.
        warnings.simplefilter("ignore")
        if isinstance(solver, dual_fista.DualFista):
            return _run_dual(first, budget, lower, implicit)
        return _run_smooth(solver, first, budget, lower, implicit)


def _run_smooth(solver: Solver, first: Any, budget: Budget, lower: LowerLevel, implicit: bool) -> Solution:
    import jaxopt

    options = _options(budget, lower, implicit)
    if isinstance(solver, lbfgs.Lbfgs):
        runner = jaxopt.LBFGS(_energy, history_size=solver.memory, **options)
    else:
        step_size = first.step_size
        accelerated = isinstance(solver, nesterov.Nesterov)
        runner = jaxopt.GradientDescent(
            _energy, stepsize=lambda _: step_size, acceleration=accelerated, **options
        )
    x, state = runner.run(jax.lax.stop_gradient(first.x), lower)
    return finish(budget, lower, x, Ended(None, _steps(state), gradient_residual(lower, x)))


def _run_dual(first: Any, budget: Budget, lower: LowerLevel, implicit: bool) -> Solution:
    import jaxopt

    runner = jaxopt.ProjectedGradient(
        _dual_energy,
        jaxopt.projection.projection_box,
        stepsize=lambda _: first.step_size,
        acceleration=True,
        **_options(budget, lower, implicit),
    )
    regularizer = analysis_regularizer(lower)
    weight = regularizer.weight_like(first.u)
    u, state = runner.run(first.u, hyperparams_proj=(-weight, weight), lower=lower)
    x = lower.y - regularizer.W.adjoint(u)
    ended = Ended(None, _steps(state), kkt_residual(lower, x, u))
    return finish(budget, lower, x, ended, certify(*jax.lax.stop_gradient((lower, x, u))))


def _options(budget: Budget, lower: LowerLevel, implicit: bool) -> dict[str, Any]:
    # jaxopt's tolerance is absolute: ours is relative to ||A^T y||. Unrolling cannot stop early.
    scale = jax.lax.stop_gradient(jnp.sqrt(jnp.sum(jnp.square(lower.A.adjoint(lower.y)))))
    if implicit:
        return {"maxiter": budget.max_steps, "tol": budget.tolerance * scale, "implicit_diff": True}
    return {"maxiter": budget.max_steps, "tol": 0.0, "implicit_diff": False, "unroll": True}


def _energy(x: Array, lower: LowerLevel) -> Array:
    return lower.value(x)


def _dual_energy(u: Array, lower: LowerLevel) -> Array:
    return 0.5 * jnp.sum(jnp.square(lower.y - analysis_regularizer(lower).W.adjoint(u)))


def _steps(state: Any) -> Array:
    return jnp.asarray(state.iter_num, jnp.int32)
