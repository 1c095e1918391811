"""The optimality system of an l1 problem on a given active set, by a factorisation of the size of x."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of, squared_norms
from ...solvers.linear.cg import Cg
from ...solvers.linear.linear_solver import has_converged
from ...solvers.matrices.normal_matrix import (
    Factor,
    Layout,
    combine,
    data_matrix,
    factorize,
    layout_of,
    matrix_of,
    rows_matrix,
    solve_factored,
)
from .group_curvature import GroupCurvature, normal_product

PENALTIES = {"float64": 1e5, "float32": 1e2}
"""sigma ||W||^2 / ||A||^2: large enough for few steps on the multiplier, small enough for rounding."""
REACHED = {"float64": 1e-11, "float32": 1e-5}
"""Relative residual that refinement reaches whatever the units, through the penalty's rounding."""
RIDGE = 500
"""Of the matrix's diagonal, over the precision times the matrix's norm."""
REFINEMENTS = 3
# Dependent rows make the multiplier's system singular, and steps beyond rounding then amplify it: what the
# tolerance leaves is for the refinements.
_MULTIPLIER = Cg(max_steps=300, tolerance=1e-9)
_DEPENDENCE = Cg(max_steps=300, tolerance=1e-13)


class ActiveSetSystem(NamedTuple):
    """The system  [A^T A, W0^T; W0, 0]  on the active rows W0, ready to be solved.

    Attributes:
        active: the active rows, shape of W x.
        penalty: sigma.
        factor: Cholesky factor of A^T A + sigma W0^T W0.
        curvature: of groups that are not zero, which is added to A^T A; None for an l1 norm.
    """

    active: Bool[Array, "..."]
    penalty: Float[Array, ""]
    factor: Factor
    curvature: GroupCurvature | None = None


class SystemSolution(NamedTuple):
    """The solution of the system for one right-hand side.

    Attributes:
        v: the part of the shape of x.
        mu: the multiplier of the active rows, zero elsewhere.
        residual: norm of what is left of the right-hand side, over its norm.
        steps: conjugate-gradient steps on the multiplier.
        converged: whether the residual is rounding, or what an iteration was asked for; None where that makes
            no claim.
    """

    v: Float[Array, "..."]
    mu: Float[Array, "..."]
    residual: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""] | None


class _Approximation(NamedTuple):
    """v and mu so far, what is left of the two right-hand sides, and conjugate-gradient steps."""

    v: Float[Array, "..."]
    mu: Float[Array, "..."]
    first: Float[Array, "..."]
    second: Float[Array, "..."]
    steps: Int[Array, ""]


def active_set_system(
    lower: LowerLevel,
    active: Bool[Array, "..."],
    shape: tuple[int, ...],
    curvature: GroupCurvature | None = None,
) -> ActiveSetSystem:
    """Factorise for one active set; time and memory do not depend on the number of rows.

    Args:
        lower: l1 problem, or one of a norm of groups, any A, of a size that `layout_of` says fits.
        active: which rows.
        shape: of x.
        curvature: of groups that are not zero.
    """
    layout = layout_of(lower, shape)
    norms = squared_norms(lower, shape)
    relative = PENALTIES[lower.y.dtype.name]
    penalty = relative * norms.dual_unit
    ridge = RIDGE * float(jnp.finfo(lower.y.dtype).eps) * relative * norms.A
    rows = rows_matrix(lower, layout, active.astype(lower.y.dtype))
    # Where A and the active rows share a null vector the solution is not unique; the ridge picks one.
    data = data_matrix(lower, layout)
    if curvature is not None:
        curved = matrix_of(lambda v: curvature.product(lower, v), layout, lower.y.dtype)
        data = combine(data, 1.0, curved, 0.0)
    matrix = combine(data, penalty, rows, ridge)
    return ActiveSetSystem(active, penalty, factorize(layout, matrix), curvature)


def solve_system(
    lower: LowerLevel, system: ActiveSetSystem, top: Float[Array, "*shape"], bottom: Float[Array, "*range"]
) -> SystemSolution:
    """Solve  A^T A v + W0^T mu = top,  W0 v = bottom  (bottom is read on the active rows only).

    The penalty is added to the first block and its effect to the right-hand side, which changes no solution;
    conjugate gradients on  W0 (A^T A + sigma W0^T W0)^{-1} W0^T mu = ...  then need few steps, since the
    eigenvalues times sigma crowd at one. Consistent for dependent rows as well: mu is then the smallest.
    A correction that does not reduce what is left is not made; where the first one does not, the
    factorisation has failed, and the solution is NaN: zero would be an answer.
    Source: Golub and Greif, 2003 (augmented Lagrangian form of saddle-point systems).
    """
    W = penalty_of(lower).W
    layout = layout_of(lower, top.shape)
    invert, complement = _operators(lower, system, layout)
    zero = jnp.zeros_like(bottom)

    def left(v: Array, mu: Array) -> tuple[Array, Array]:
        missing = jnp.where(system.active, bottom - W(v), zero)
        return top - normal_product(lower, v, system.curvature) - W.adjoint(mu), missing

    def correct(now: _Approximation, _: None) -> tuple[_Approximation, None]:
        shifted = invert(now.first + system.penalty * W.adjoint(now.second))
        wanted = jnp.where(system.active, system.penalty * (W(shifted) - now.second), zero)
        found = _MULTIPLIER.solve_linear(complement, wanted)
        v, mu = now.v + shifted - invert(W.adjoint(found.value)), now.mu + found.value
        steps = now.steps + found.steps
        after = _Approximation(v, mu, *left(v, mu), steps)
        worse = ~(_squares(after.first, after.second) < _squares(now.first, now.second))
        return jax.tree.map(
            lambda new, old: jnp.where(worse, old, new), after, now._replace(steps=steps)
        ), None

    start = _Approximation(
        jnp.zeros_like(top), zero, top, jnp.where(system.active, bottom, zero), steps=jnp.zeros((), jnp.int32)
    )
    found, _ = jax.lax.scan(correct, start, length=REFINEMENTS)
    size = _squares(start.first, start.second)
    residual = jnp.sqrt(_squares(found.first, found.second) / jnp.where(size > 0, size, 1.0))
    failed = (size > 0) & ~(residual < 1)
    v, mu = (jnp.where(failed, jnp.nan, part) for part in (found.v, found.mu))
    norms = squared_norms(lower, top.shape)
    terms = norms.A * jnp.linalg.norm(found.v.ravel()), jnp.sqrt(norms.W) * jnp.linalg.norm(found.mu.ravel())
    length = jnp.stack(terms) / jnp.where(size > 0, jnp.sqrt(size), 1.0)
    converged = has_converged(residual, REACHED[residual.dtype.name], length)
    return SystemSolution(v, mu, residual, found.steps, converged)


def dependence(
    lower: LowerLevel, system: ActiveSetSystem, rows: Float[Array, "*range"], shape: tuple[int, ...]
) -> Float[Array, "*range"]:
    """Return the part z of given rows with W0^T z = 0: about zero if the active rows are independent.

    It is what a multiplier can be changed by without any effect on the system.
    """
    _, complement = _operators(lower, system, layout_of(lower, shape))
    inside = jnp.where(system.active, rows, jnp.zeros_like(rows))
    return inside - _DEPENDENCE.solve_linear(complement, complement(inside)).value


def _operators(
    lower: LowerLevel, system: ActiveSetSystem, layout: Layout
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    W = penalty_of(lower).W

    def invert(x: Array) -> Array:
        return solve_factored(layout, system.factor, x)

    def complement(mu: Array) -> Array:
        inside = jnp.where(system.active, mu, jnp.zeros_like(mu))
        image = system.penalty * W(invert(W.adjoint(inside)))
        return jnp.where(system.active, image, jnp.zeros_like(mu))

    return invert, complement


def _squares(first: Float[Array, "..."], second: Float[Array, "..."]) -> Array:
    return jnp.sum(jnp.square(first)) + jnp.sum(jnp.square(second))
