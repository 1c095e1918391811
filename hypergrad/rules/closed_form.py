"""The closed-form hypergradient of l1 problems, from the dual."""

from typing import cast

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.operators.dense import Dense
from ...problems.operators.identity import Identity
from ...problems.regularizer import GroupRegularizer
from ...problems.values.configuration import configuration
from ...solvers.analysis_l1_problem import DualSolver, PrimalDualPair, penalty_of, supports_analysis
from ...solvers.budget import Budget
from ...solvers.certificate import active_rows
from ...solvers.dual_norm import norms_of, weights_of
from ...solvers.linear.cg import Cg
from ...solvers.linear.linear_solver import LinearSolver, normalized
from ...solvers.linear.minres import Minres
from ...solvers.matrices.normal_matrix import layout_of
from ...solvers.solver import Solution, Solver, StartPoint
from ..adjoint_rule import solve_with_adjoint
from ..l1.active_rows import project_dense, project_matrix_free
from ..l1.active_set_system import active_set_system
from ..l1.analysis_pairing import ActivePoint, pair, split_dual
from ..l1.group_curvature import GroupCurvature, group_curvature, normal_product
from ..l1.iterative_system import iterate_system
from ..l1.system_solution import solve_system
from ..l1.undecided_rows import undecided_rows
from ..method import Backward
from ..method_traits import MethodTraits
from ..solved import Solved
from ..state_leaves import pair_tangent

CHOLESKY = "a few steps or Cholesky of the active rows"
FACTORED = "factorised optimality system"
CONJUGATE_GRADIENTS = "conjugate gradients on the active rows"
INDEFINITE = "iterative optimality system"


@configuration
class ClosedForm:
    """Differentiate an l1 problem on its active set (BLORC), for every A.

    The dual variable splits the rows of W into active ones W0, where w_i x* = 0, and the rest, which carry
    the signs s. With g the cotangent of x*, v and mu solve the optimality system on the active set,

        A^T A v + W0^T mu = g,    W0 v = 0,

    and, holding x*, v, s, the active u and mu fixed, the hypergradient is minus the gradient of

        <v, A^T(A x* - y)> + <u, W v> + <mu, W x*>,    u = weight * s on the inactive rows.

    A norm of groups is curved where a group is not zero: weight_g / ||(W x)_g|| (I - d_g d_g^T), d_g the
    group's direction, is added to A^T A, and u = weight_g d_g moves with W. Its system goes the second or the
    last way.

    Three routes to v and mu, chosen by operators and size; `route` says which:

    - A = identity and a matrix W: v = g - W0^T mu, by a few steps of conjugate gradients on W0 W0^T, and by
      a Cholesky factor of it where they do not end at rounding;
    - up to `factored_up_to` unknowns, where it fits: a Cholesky factor of A^T A + sigma W0^T W0, dense up to
      4096 unknowns, or by nested dissection for images whose operators couple near pixels only; then a few
      corrections where the active rows are independent, as those of a certified solution usually are, and up
      to some hundreds where an unfinished solve leaves them nearly dependent: the residual says how far;
    - beyond: conjugate gradients on W0 W0^T (A = identity) or `indefinite` on the system; memory linear in
      the pixels.

    Holds where the active set is locally constant and W0 has full row rank; elsewhere x* need not be
    differentiable, and one element of a set of limits comes back. Needs a converged dual variable: how many
    rows could still change sides is the solution's certificate's `ambiguous`, and where active rows are
    nearly dependent `Backward.undecided`. A loss can see the dual variable in the solution's state too: it
    follows from the same system.
    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), theorem on the gradient, rewritten as an adjoint.

    Args:
        threshold: None lets the solution decide: row i is active if |u_i + c w_i x| <= weight_i, which differ
            by the solution's own residual, see `active_rows`. A number: if |u_i| < weight_i (1 - threshold);
            the authors take 1e-6.
        factored_up_to: the largest number of unknowns that is factorised; None for all that fit, which 1024 x
            1024 pixels do with 3 x 3 filters, and 512 x 512 with a 5 x 5 kernel.
        linear: iterative solver of W0 W0^T mu = W0 g.
        indefinite: iterative solver of the whole system.

    Raises:
        ValueError: if `threshold` is not in [0, 1) or `factored_up_to` is negative.
    """

    threshold: float | None = None
    factored_up_to: int | None = None
    linear: LinearSolver = Cg()
    indefinite: LinearSolver = Minres()
    traits = MethodTraits()

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be None or in [0, 1); got {self.threshold}")
        if self.factored_up_to is not None and self.factored_up_to < 0:
            raise ValueError(f"factored_up_to must not be negative; got {self.factored_up_to}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None for l1 norms and norms of groups with a solver that has a dual variable, or why not."""
        if supports_analysis(lower) is not None:
            return f"{type(lower.regularizer).__name__} has no dual variable that shows an active set"
        if not isinstance(solver, DualSolver):
            return f"{type(solver).__name__} offers no dual variable"
        return None

    def route(self, lower: LowerLevel) -> str:
        """Say how the adjoint system of this lower level is solved."""
        curved = isinstance(lower.regularizer, GroupRegularizer)
        if isinstance(lower.A, Identity) and isinstance(penalty_of(lower).W, Dense) and not curved:
            return CHOLESKY
        layout = layout_of(lower, lower.shape)
        wanted = self.factored_up_to is None or layout.size <= self.factored_up_to
        if wanted and layout.fits:
            return FACTORED
        return CONJUGATE_GRADIENTS if isinstance(lower.A, Identity) and not curved else INDEFINITE

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Solve the optimality system on the active set for the cotangent of x, and pair."""
        return self.backward_of_pair(solved, PrimalDualPair(cotangent, jnp.zeros_like(solved.dual)))

    def backward_of_pair(self, solved: Solved, cotangent: PrimalDualPair) -> tuple[LowerLevel, Backward]:
        """Solve the system for the cotangents of x and of the dual variable, and pair.

        The second right-hand side is then the dual variable's cotangent on the active rows. It has a
        derivative where these are independent; elsewhere it is not unique, and the residual stays large.
        """
        lower, point = solved.lower, self._point(solved)
        curvature = group_curvature(lower, point.x, point.active)
        of_x = cotangent
        if curvature is not None:
            # The dual variable of a group that is not zero moves with x.
            seen = curvature.of_responses(lower, cotangent.u)
            of_x = cotangent._replace(x=cotangent.x + penalty_of(lower).W.adjoint(seen))
        (v, mu), backward = self._solve_system(lower, point.active, curvature, of_x)
        account = backward._replace(undecided=undecided_rows(lower, point, mu))
        return pair(lower, point, v, mu, cotangent.u), account

    def tangent(self, solved: Solved, direction: LowerLevel) -> Solution:
        """Solve the same system for the derivatives of x and of the dual variable along a direction."""
        lower, point = solved.lower, self._point(solved)
        outside, held = split_dual(lower, point)
        curvature = group_curvature(lower, point.x, point.active)

        def conditions(lower: LowerLevel) -> PrimalDualPair:
            W, u = penalty_of(lower).W, outside(lower, point.x) + held
            return PrimalDualPair(lower.data_gradient(point.x) + W.adjoint(u), W(point.x))

        changed = jax.jvp(conditions, (lower,), (direction,))[1]
        opposite = PrimalDualPair(-changed.x, jnp.where(point.active, -changed.u, jnp.zeros_like(held)))
        (x, mu), _ = self._solve_system(lower, point.active, curvature, opposite)
        along = jax.jvp(outside, (lower, point.x), (direction, x))[1]
        u = jnp.where(point.active, mu, along)
        return pair_tangent(solved, PrimalDualPair(x, u))

    def _point(self, solved: Solved) -> ActivePoint:
        u = solved.dual
        return ActivePoint(solved.x, u, self._active(solved.lower, solved.x, u))

    def _solve_system(
        self,
        lower: LowerLevel,
        active: Bool[Array, "..."],
        curvature: GroupCurvature | None,
        rhs: PrimalDualPair,
    ) -> tuple[tuple[Array, Array], Backward]:
        """Solve for v and mu by the route; the derivative is a solve by the same route."""
        W, none = penalty_of(lower).W, jnp.zeros_like(rhs.u)
        # One vector: JAX 0.10 cannot differentiate a solve by a part alone of its right-hand side.
        right, split = ravel_pytree((rhs.x, jnp.where(active, rhs.u, none)))

        def system(both: Array) -> Array:
            v, mu = split(both)
            first = normal_product(lower, v, curvature) + W.adjoint(jnp.where(active, mu, none))
            return ravel_pytree((first, jnp.where(active, W(v), mu)))[0]

        @jax.jit  # traced once, where JAX asks for the solve and for the transposed one
        def by_route(right: Array) -> tuple[Array, Backward]:
            # The squares of a tiny cotangent are zero, and a system that seems solved would be left as it is.
            unit, norm = normalized(right)
            v, mu, backward = self._adjoint(lower, active, curvature, split(unit))
            return norm * ravel_pytree((v, mu))[0], backward

        def solve(_: object, right: Array) -> tuple[Array, Backward]:
            return by_route(right)  # its matrix is known

        found, backward = jax.lax.custom_linear_solve(
            system, right, solve, solve, symmetric=True, has_aux=True
        )
        return split(found), backward

    def _active(self, lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "..."]) -> Array:
        if self.threshold is None:
            return active_rows(lower, x, u)
        regularizer = penalty_of(lower)
        inside = norms_of(regularizer, u) < weights_of(regularizer, u) * (1 - self.threshold)
        return jnp.broadcast_to(inside, u.shape)

    def _adjoint(
        self,
        lower: LowerLevel,
        active: Bool[Array, "..."],
        curvature: GroupCurvature | None,
        right: tuple[Float[Array, "..."], Float[Array, "..."]],
    ) -> tuple[Array, Array, Backward]:
        top, bottom = right
        W = penalty_of(lower).W
        route = self.route(lower)
        if route == CHOLESKY:
            return project_dense(cast(Dense, W).matrix, active, top, bottom)
        if route == CONJUGATE_GRADIENTS:
            mu, backward = project_matrix_free(W, active, top, bottom, self.linear)
            return top - W.adjoint(mu), mu, backward
        if route == FACTORED:
            system = active_set_system(lower, active, top.shape, curvature)
            found = solve_system(lower, system, top, bottom)
        else:
            found = iterate_system(lower, active, top, bottom, self.indefinite, curvature)
        account = Backward(found.residual, found.steps, jnp.sum(active), converged=found.converged)
        return found.v, found.mu, account
