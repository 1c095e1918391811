"""Certified solutions of l1 problems, and whether they are differentiable."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from ...problems.arrays.divisor import divisor
from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import PrimalDualPair, analysis_regularizer
from ...solvers.budget import Budget
from ...solvers.certificate import Certificate, active_rows, certify, shifted_dual
from ...solvers.iterations.active_set import ActiveSet
from ...solvers.solve import solve
from .active_set_system import active_set_system, dependence
from .analysis_pairing import ActivePoint, pair
from .system_solution import SystemSolution, solve_system

BUDGET = Budget(max_steps=40, tolerance=1e-13)
DEPENDENT = 1e-6
"""Relative size from which a part of random rows counts as a dependence of the active ones."""


class CertifiedSolution(NamedTuple):
    """A pair with its active rows, polished to rounding, its certificate, and the Newton steps it took."""

    point: ActivePoint
    certificate: Certificate
    newton_steps: Int[Array, ""]


def certified_solution(lower: LowerLevel, start: PrimalDualPair | None = None) -> CertifiedSolution:
    """Solve with `ActiveSet`, then solve the optimality system on the active rows once more.

    That last solve leaves rounding alone, whatever the tolerance before it; where it makes the pair worse,
    since a row is on the wrong side, the pair before it is returned.

    Args:
        lower: l1 problem, any A, float64, of a size that can be factorised.
        start: a pair to start from, if there is one.
    """
    found = solve(ActiveSet(), BUDGET, lower, start)
    x, u = found.x, found.state.u
    regularizer = analysis_regularizer(lower)
    active = active_rows(lower, x, u)
    signs = jnp.sign(shifted_dual(lower, x, u))
    fixed = jnp.where(active, jnp.zeros_like(u), regularizer.weight_like(u) * signs)
    system = active_set_system(lower, active, x.shape)
    right = lower.A.adjoint(lower.y) - regularizer.W.adjoint(fixed)
    polished = solve_system(lower, system, right, jnp.zeros_like(u))
    pairs = PrimalDualPair(polished.v, jnp.where(active, polished.mu, fixed)), PrimalDualPair(x, u)

    def checked(one: PrimalDualPair) -> tuple[Certificate, Array]:
        certificate = certify(lower, *one)
        return certificate, certificate.violation

    both = jax.tree.map(lambda *parts: jnp.stack(parts), *pairs)
    certificates, violations = jax.lax.map(checked, both)  # one after the other: compiled once
    best = jnp.argmin(violations)  # of equal ones the first
    (x, u), certificate = jax.tree.map(lambda parts: parts[best], (both, certificates))
    point = ActivePoint(x, u, active_rows(lower, x, u))
    return CertifiedSolution(point, certificate, found.state.newton_steps)


def is_nonsmooth(
    lower: LowerLevel,
    solution: CertifiedSolution,
    adjoint: SystemSolution,
    gradient: LowerLevel,
) -> Bool[Array, ""]:
    """Tell whether the solution map has a kink at a certified solution.

    It has one where a row's margin is zero to working precision, so that the smallest change decides its
    side; and where the active rows are dependent, W0^T z = 0, and the dual variable and the multiplier, which
    are determined up to z only, change the hypergradient: by the gradients of <z, W x*> and <z, W v>. Rows
    that stay dependent under every change of the parameters do not. z is drawn at random.
    """
    x, u, active = solution.point
    drawn = np.random.default_rng(6).normal(size=u.shape)
    rows = jnp.where(active, jnp.asarray(drawn, u.dtype), jnp.zeros_like(u))
    z = dependence(lower, active, rows, x.shape)
    share = euclidean_norm(z) / divisor(euclidean_norm(rows))
    unit = z / divisor(euclidean_norm(z))
    still = ActivePoint(jnp.zeros_like(x), jnp.zeros_like(u), active)
    by_multiplier = pair(lower, still._replace(x=x), jnp.zeros_like(x), unit * euclidean_norm(adjoint.mu))
    by_dual = pair(lower, still._replace(u=unit * euclidean_norm(u)), adjoint.v, jnp.zeros_like(u))
    change = jnp.maximum(*(_tree_norm(one.regularizer) for one in (by_multiplier, by_dual)))
    matters = change > DEPENDENT * _tree_norm(gradient.regularizer)
    return (solution.certificate.ambiguous > 0) | ((share > DEPENDENT) & matters)


def _tree_norm(tree: object) -> Array:
    return jnp.sqrt(sum((jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)), jnp.zeros(())))
