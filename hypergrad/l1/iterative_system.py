"""The optimality system of an l1 problem on a given active set, by an iteration that needs products only."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of, squared_norms
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.matrices.circulant import filtered, is_circulant, spectrum_of
from .group_curvature import GroupCurvature, normal_product
from .system_solution import SystemSolution


def iterate_system(
    lower: LowerLevel,
    active: Bool[Array, "*range"],
    top: Float[Array, "*shape"],
    bottom: Float[Array, "*range"],
    linear: LinearSolver,
    curvature: GroupCurvature | None = None,
) -> SystemSolution:
    """Solve  A^T A v + W0^T mu = top,  W0 v = bottom  with a solver of symmetric indefinite systems.

    The system is scaled from both sides: the first block by the inverse root of
    ||A||^2 / 2 + share ||A||^2 / ||W||^2 W^T W where W is circulant, with the share of active rows, the
    second by the square root of ||A||^2 / ||W||^2.

    Args:
        lower: l1 problem, or one of a norm of groups, any A and W.
        active: the active rows, shape of W x.
        top: the first right-hand side.
        bottom: the second, read on the active rows.
        linear: such as `Minres()`.
        curvature: of groups that are not zero, which is added to A^T A.
    """
    W = penalty_of(lower).W
    size = top.size
    norms = squared_norms(lower, top.shape)
    scale, ratio = norms.A, norms.dual_unit
    zero = jnp.zeros(active.shape, top.dtype)
    share = jnp.mean(active.astype(top.dtype))

    def inverse_root(v: Array) -> Array:
        if not is_circulant(W):
            return v / jnp.sqrt(scale)
        impulse = jnp.zeros_like(top).at[(0,) * top.ndim].set(1)
        return filtered(1 / jnp.sqrt(scale / 2 + share * ratio * spectrum_of(W, impulse)), v)

    def apply(v: Array, mu: Array) -> tuple[Array, Array]:
        first = normal_product(lower, v, curvature) + W.adjoint(mu)
        return first, jnp.where(active, W(v), zero)

    def split(both: Array) -> tuple[Array, Array]:
        mu = jnp.where(active, both[size:].reshape(active.shape), zero)
        return inverse_root(both[:size].reshape(top.shape)), jnp.sqrt(ratio) * mu

    def joined(first: Array, second: Array) -> Array:
        return jnp.concatenate([inverse_root(first).ravel(), (jnp.sqrt(ratio) * second).ravel()])

    below = jnp.where(active, bottom, zero)
    found = linear.solve_linear(lambda both: joined(*apply(*split(both))), joined(top, below))
    v, mu = split(found.value)
    first, second = apply(v, mu)
    left = jnp.sum(jnp.square(top - first)) + jnp.sum(jnp.square(below - second))
    given = jnp.sum(jnp.square(top)) + jnp.sum(jnp.square(below))
    residual = jnp.sqrt(left / jnp.where(given > 0, given, 1.0))
    return SystemSolution(v, mu, residual, found.steps, found.converged)
