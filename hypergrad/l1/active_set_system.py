"""The optimality system of an l1 problem on a given active set, by a factorisation of the size of x."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of, squared_norms
from ...solvers.linear.cg import Cg
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
from .group_curvature import GroupCurvature

PENALTIES = {"float64": 1e10, "float32": 1e2}
"""sigma ||W||^2 / ||A||^2: for few corrections on nearly dependent rows, and less than rounding."""
DEPENDENCE_PENALTIES = {"float64": 1e5, "float32": 1e2}
"""Smaller, where an iteration itself has to reach rounding."""
RIDGE = 10
"""Of the matrix's diagonal, over the precision times the matrix's norm."""
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


def active_set_system(
    lower: LowerLevel,
    active: Bool[Array, "..."],
    shape: tuple[int, ...],
    curvature: GroupCurvature | None = None,
    penalties: Mapping[str, float] = PENALTIES,
) -> ActiveSetSystem:
    """Factorise for one active set; time and memory do not depend on the number of rows.

    Args:
        lower: l1 problem, or one of a norm of groups, any A, of a size that `layout_of` says fits.
        active: which rows.
        shape: of x.
        curvature: of groups that are not zero.
        penalties: sigma ||W||^2 / ||A||^2, for each dtype.
    """
    layout = layout_of(lower, shape)
    norms = squared_norms(lower, shape)
    relative = penalties[lower.y.dtype.name]
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


def dependence(
    lower: LowerLevel, active: Bool[Array, "*range"], rows: Float[Array, "*range"], shape: tuple[int, ...]
) -> Float[Array, "*range"]:
    """Return the part z of given rows with W0^T z = 0: about zero if the active rows are independent.

    It is what a multiplier can be changed by without any effect on the system.
    """
    system = active_set_system(lower, active, shape, penalties=DEPENDENCE_PENALTIES)
    _, complement = operators(lower, system, layout_of(lower, shape))
    inside = jnp.where(active, rows, jnp.zeros_like(rows))
    return inside - _DEPENDENCE.solve_linear(complement, complement(inside)).value


def operators(
    lower: LowerLevel, system: ActiveSetSystem, layout: Layout
) -> tuple[
    Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]],
    Callable[[Float[Array, "*range"]], Float[Array, "*range"]],
]:
    """Return products with (A^T A + sigma W0^T W0)^{-1}, and with sigma W0 (...)^{-1} W0^T."""
    W = penalty_of(lower).W

    def invert(x: Array) -> Array:
        return solve_factored(layout, system.factor, x)

    def complement(mu: Array) -> Array:
        inside = jnp.where(system.active, mu, jnp.zeros_like(mu))
        image = system.penalty * W(invert(W.adjoint(inside)))
        return jnp.where(system.active, image, jnp.zeros_like(mu))

    return invert, complement
