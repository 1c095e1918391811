"""PyTorch libraries on our smooth lower levels, each in a child process of its own."""

import functools
import importlib.util
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...problems.blur import Blur
from ...problems.fields_of_experts import FieldsOfExperts
from ...problems.identity import Identity
from ...problems.lower_level import LowerLevel
from ...problems.mask import Mask
from ...solvers.budget import Budget
from ...solvers.gradient_descent import GradientDescent
from ...solvers.residuals import gradient_residual
from ...solvers.smooth_energy import step_size
from ...solvers.solve import Ended, finish
from ...solvers.solver import Solution, Solver
from .child_process import child

Settings = tuple[tuple[str, Any], ...]


def supports_torch_peer(library: str, solver: Solver, lower: LowerLevel) -> str | None:
    """Return None if the library is installed and gradient descent solves the problem, else a sentence."""
    missing = [name for name in ("torch", library) if importlib.util.find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed; the extra 'torch-peers' brings it"
    if not isinstance(lower.regularizer, FieldsOfExperts):
        return f"{library} is handed fields of experts; {type(lower.regularizer).__name__} is none"
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
    settings: Settings = (
        ("library", library),
        ("max_steps", budget.max_steps),
        ("tolerance", budget.tolerance),
        ("adjoint_tolerance", adjoint_tolerance),
    )
    x, steps = cast(tuple[Array, Array], _solve(settings, lower))
    held = jax.lax.stop_gradient(lower)
    ended = Ended(None, steps, gradient_residual(held, jax.lax.stop_gradient(x)))
    return finish(budget, x, ended)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _solve(settings: Settings, lower: LowerLevel) -> tuple[Float[Array, "h w"], Int[Array, ""]]:
    x, steps, _ = _ask(settings, lower, keep=False)
    return x, steps


def _forward(settings: Settings, lower: LowerLevel) -> Any:
    x, steps, token = _ask(settings, lower, keep=True)
    return (x, steps), (lower, token)


def _backward(settings: Settings, saved: Any, cotangent: Any) -> tuple[LowerLevel]:
    lower, token = saved
    leaves, structure = jax.tree.flatten(lower)
    names = _names(lower)

    def differentiate(token: Array, g: Array) -> list[np.ndarray]:
        reply = child("torch_child.py", settings[0][1]).ask(
            {"token": np.asarray(token), "cotangent": np.asarray(g)}
        )
        return [reply[name] for name in names]

    shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
    found = jax.pure_callback(differentiate, shapes, token, cotangent[0], vmap_method="sequential")
    return (structure.unflatten(found),)


_solve.defvjp(_forward, _backward)


def _ask(settings: Settings, lower: LowerLevel, keep: bool) -> tuple[Array, Array, Array]:
    names = _names(lower)
    regularizer = lower.regularizer
    assert isinstance(regularizer, FieldsOfExperts)
    described = {
        "operator": type(lower.A).__name__,
        "boundary": regularizer.boundary,
        "potential": type(regularizer.potential).__name__,
        "scale": getattr(regularizer.potential, "scale", 1.0),
        "keep": keep,
        **dict(settings[1:]),
    }

    def solve(step: Array, *leaves: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        request = {name: np.asarray(leaf) for name, leaf in zip(names, leaves, strict=True)}
        request |= {"step": np.asarray(step)} | {name: np.asarray(one) for name, one in described.items()}
        reply = child("torch_child.py", settings[0][1]).ask(request)
        return reply["x"], reply["steps"], reply["token"]

    counter = jax.ShapeDtypeStruct((), jnp.int32)
    shapes = (jax.ShapeDtypeStruct(lower.shape, lower.y.dtype), counter, counter)
    leaves = jax.tree.leaves(lower)
    return jax.pure_callback(solve, shapes, step_size(lower), *leaves, vmap_method="sequential")


def _names(lower: LowerLevel) -> list[str]:
    return [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(lower)]
