"""PyTorch libraries on our smooth lower levels, each in a child process of its own."""

import importlib.util

import jax

from ...problems.lower_level import LowerLevel
from ...problems.operators.blur import Blur
from ...problems.operators.identity import Identity
from ...problems.operators.mask import Mask
from ...problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from ...problems.regularizers.experts.potentials import LogCosh, Lorentzian, PseudoHuber
from ...solvers.budget import Budget
from ...solvers.fixed_point_map import map_step_size
from ...solvers.iterations.gradient_descent import GradientDescent
from ...solvers.residuals import gradient_residual
from ...solvers.solve import Ended, finish
from ...solvers.solver import Solution, Solver
from .child_solve import Call, solve_in_child

_POTENTIALS = (PseudoHuber, LogCosh, Lorentzian)
"""Those that the child writes in PyTorch."""


def supports_torch_peer(library: str, solver: Solver, lower: LowerLevel) -> str | None:
    """Return None if the library is installed and gradient descent solves the problem, else a sentence."""
    missing = [name for name in ("torch", library) if importlib.util.find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed; the extra 'torch-peers' brings it"
    if not isinstance(lower.regularizer, FieldsOfExperts):
        return f"{library} is handed fields of experts; {type(lower.regularizer).__name__} is none"
    if not isinstance(lower.regularizer.potential, _POTENTIALS):
        return f"{type(lower.regularizer.potential).__name__} has no counterpart in PyTorch here"
    if not isinstance(lower.A, Identity | Mask | Blur):
        return f"{type(lower.A).__name__} has no counterpart in PyTorch here"
    if not isinstance(solver, GradientDescent):
        return f"{library} runs gradient descent here, not {type(solver).__name__}"
    return None


def run_torch_peer(library: str, budget: Budget, lower: LowerLevel, adjoint_tolerance: float) -> Solution:
    """Solve in the child, on the same arrays: same start, same step size, the tolerance translated.

    The solution's derivative is the library's. Times include what the arrays take to the child and back;
    memory that the child needs is in no figure of the compiler's.
    """
    regularizer = lower.regularizer
    assert isinstance(regularizer, FieldsOfExperts)
    assert isinstance(regularizer.potential, _POTENTIALS)
    settings = (
        ("max_steps", budget.max_steps),
        ("tolerance", budget.tolerance),
        ("adjoint_tolerance", adjoint_tolerance),
        ("operator", type(lower.A).__name__),
        ("boundary", regularizer.boundary),
        ("potential", type(regularizer.potential).__name__),
        ("scale", regularizer.potential.scale),
    )
    call = Call("torch_child.py", library, settings, lower.shape)
    named = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(lower)}
    held = jax.lax.stop_gradient(lower)
    x, steps = solve_in_child(call, named, {"step": map_step_size(held, 1.0)})
    ended = Ended(None, steps, gradient_residual(held, jax.lax.stop_gradient(x)))
    return finish(budget, lower, x, ended)
