"""The `custom_vjp` of rules that perturb one parameter after the other."""

import functools
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..problems.arrays.mesh_axes import differing_as
from ..problems.lower_level import LowerLevel
from ..problems.values.settings import Frame, split
from ..solvers.budget import Budget
from ..solvers.solver import Solution, Solver, StartPoint
from .forward_refused import forward_refused
from .method import Method, require_supported
from .seen_fields import is_wrapped, refuse, require_held, seen_fields, values_of
from .solved import Solved


@jax.tree_util.register_static
@dataclass(frozen=True)
class Perturbed:
    """The entries of a lower level by which somebody differentiates.

    Attributes:
        leaves: which of its leaves hold them, in the order of `jax.tree.leaves`.
    """

    leaves: tuple[bool, ...]


class ParameterMethod(Method, Protocol):
    """A rule that finds the cotangent of a lower level from derivatives along its parameters' directions."""

    def forward(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
    ) -> Solution:
        """Solve the lower level."""
        ...

    def gradient(
        self,
        solved: Solved,
        start: StartPoint | None,
        cotangent: Float[Array, "..."],
        perturbed: Perturbed,
    ) -> LowerLevel:
        """Return the cotangent of the perturbed leaves; zero for the others."""
        ...


def solve_with_directions(
    method: ParameterMethod,
    solver: Solver,
    budget: Budget,
    lower: LowerLevel,
    start: StartPoint | None = None,
) -> Solution:
    """Solve the lower level; the derivative of `Solution.x` is `method.gradient`.

    Only leaves by which the caller differentiates are perturbed: their entries are what the backward pass
    costs.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason.
    """
    require_supported(method, solver, lower)
    frame, arrays = split(method, solver, budget)
    # Inside `jax.shard_map` a rule's cotangents have its arguments' types: where one differs, all do.
    given = (arrays, lower, start)
    with forward_refused(method):
        return _solve(frame, *differing_as(given, given))


def basis(lower: LowerLevel, perturbed: Perturbed) -> tuple[LowerLevel, list[slice]]:
    """Return unit directions of all perturbed entries, as a leading axis, and each leaf's share of them."""
    leaves, structure = jax.tree.flatten(lower)
    sizes = [leaf.size if is_one else 0 for leaf, is_one in zip(leaves, perturbed.leaves, strict=True)]
    ends = np.cumsum(sizes)
    slices = [slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True)]
    directions = []
    for leaf, part in zip(leaves, slices, strict=True):
        rows = np.zeros((int(ends[-1]), leaf.size))
        rows[part] = np.eye(leaf.size) if part.stop > part.start else 0
        directions.append(jnp.asarray(rows.reshape(-1, *leaf.shape), leaf.dtype))
    return differing_as(structure.unflatten(directions), lower), slices


def from_basis(lower: LowerLevel, slopes: Float[Array, " p"], slices: list[slice]) -> LowerLevel:
    """Put the derivatives along the directions of `basis` where they belong."""
    leaves, structure = jax.tree.flatten(lower)

    def entry(leaf: Array, part: slice) -> Array:
        if part.stop == part.start:
            return jnp.zeros_like(leaf)
        return slopes[part].reshape(leaf.shape).astype(leaf.dtype)

    return structure.unflatten(entry(leaf, part) for leaf, part in zip(leaves, slices, strict=True))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _solve(frame: Frame, arrays: list[Array], lower: LowerLevel, start: StartPoint | None) -> Solution:
    method, solver, budget = frame.filled(arrays)
    return method.forward(solver, budget, lower, start)


def _forward(frame: Frame, arrays: Any, lower: Any, start: Any) -> tuple[Solution, Any]:
    require_held(frame, arrays)
    # With symbolic zeros a leaf arrives with the answer to whether somebody differentiates by it.
    perturbed = Perturbed(tuple(leaf.perturbed for leaf in jax.tree.leaves(lower, is_leaf=is_wrapped)))
    arrays, lower, start = values_of((arrays, lower, start))
    method, solver, budget = frame.filled(arrays)
    solution = method.forward(solver, budget, lower, start)
    return solution, (arrays, Solved(solver, budget, lower, solution), start, perturbed)


def _backward(frame: Frame, saved: Any, cotangent: Any) -> tuple[list[Array], LowerLevel, StartPoint | None]:
    arrays, solved, start, perturbed = saved
    method = frame.filled(arrays)[0]
    of_settings, of_start = jax.tree.map(jnp.zeros_like, (arrays, start))
    seen = seen_fields(repr(method), solved, cotangent)
    if seen.u is not None:
        raise refuse(repr(method), ".state, the dual variable")
    if seen.x is None or not any(perturbed.leaves):
        return of_settings, jax.tree.map(jnp.zeros_like, solved.lower), of_start
    return of_settings, method.gradient(solved, start, seen.x, perturbed), of_start


_solve.defvjp(_forward, _backward, symbolic_zeros=True)

Moved, solve_and_move = Perturbed, solve_with_directions
"""Their names before, which methods outside this package import."""
