"""optimistix's minimisers on our smooth lower levels: what its two derivatives have in common."""

import importlib
import importlib.util
from typing import Any

import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import SmoothRegularizer
from ...solvers.budget import Budget
from ...solvers.fixed_point_map import map_step_size
from ...solvers.iterations import gradient_descent, lbfgs
from ...solvers.residuals import gradient_residual
from ...solvers.solve import Ended, finish
from ...solvers.solver import Solution, Solver

MISSING = "optimistix is not installed; the extra 'peers' brings it"


def supports_optimistix(solver: Solver, lower: LowerLevel) -> str | None:
    """Return None if optimistix is there and has a minimiser that does what ours does, else a sentence."""
    if importlib.util.find_spec("optimistix") is None:
        return MISSING
    if not isinstance(lower.regularizer, SmoothRegularizer):
        return "optimistix has no proximal solver"
    if isinstance(solver, lbfgs.Lbfgs) and lower.y.dtype != jnp.float64:
        return "optimistix's L-BFGS keeps its history in JAX's default precision, which is float64 here"
    if isinstance(solver, (gradient_descent.GradientDescent, lbfgs.Lbfgs)):
        return None
    return f"optimistix has no counterpart of {type(solver).__name__}"


def run_optimistix(solver: Solver, budget: Budget, lower: LowerLevel, adjoint: Any) -> Solution:
    """Solve with optimistix's counterpart of `solver`: same start, same step size.

    It stops where step and change of the energy are below an absolute tolerance. A gradient step moves x by
    the step size times the gradient: our relative residual, times ||A^T y|| and the step size, is that.
    """
    # By name, since it is in no installation but those with the extra.
    optimistix: Any = importlib.import_module("optimistix")
    # optimistix mixes integer widths and compares dtypes, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        x = jax.lax.stop_gradient(lower.A.adjoint(lower.y))
        step = map_step_size(lower, 1.0)
        scale = jax.lax.stop_gradient(step * jnp.sqrt(jnp.sum(jnp.square(x))))
        tolerances: dict[str, Any] = {"rtol": 0.0, "atol": budget.tolerance * scale}
        if isinstance(solver, lbfgs.Lbfgs):
            minimiser = optimistix.LBFGS(**tolerances, norm=optimistix.two_norm, history_length=solver.memory)
        else:
            minimiser = optimistix.GradientDescent(step, **tolerances, norm=optimistix.two_norm)
        found = optimistix.minimise(
            _energy,
            minimiser,
            x,
            lower,
            max_steps=budget.max_steps,
            adjoint=adjoint,
            throw=False,
            tags=frozenset({lineax.positive_semidefinite_tag}),
        )
    steps = jnp.asarray(found.stats["num_steps"], jnp.int32)
    return finish(budget, lower, found.value, Ended(None, steps, gradient_residual(lower, found.value)))


def _energy(x: Array, lower: LowerLevel) -> Array:
    return lower.value(x)
