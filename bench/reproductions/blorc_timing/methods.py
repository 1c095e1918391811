"""Ways to differentiate l1 denoising that only the comparison with BLORC needs."""

from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ....hypergrad import ClosedForm
from ....hypergrad.adjoint_rule import solve_with_adjoint
from ....hypergrad.l1.active_rows import project_matrix_free
from ....hypergrad.l1.analysis_pairing import ActivePoint, pair
from ....hypergrad.method import Backward
from ....hypergrad.method_traits import MethodTraits
from ....hypergrad.solved import Solved
from ....problems import Dense, LowerLevel
from ....problems.values.configuration import configuration
from ....solvers import Budget, Cg, DualFista, Solution, solve
from ....solvers.analysis_l1_problem import analysis_regularizer
from ....solvers.linear.linear_solver import LinearSolver
from ....solvers.solver import Solver, StartPoint
from ..cvxpy_denoising import THRESHOLD


@configuration
class ImplicitCg:
    """Differentiate the optimality conditions on the active set, their adjoint by conjugate gradients.

    The same pairing as `ClosedForm`, whose Cholesky factorisation an iterative solver replaces.
    """

    linear: LinearSolver = Cg(tolerance=1e-12)
    traits = MethodTraits()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return what the closed form says."""
        return ClosedForm().supports(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Project the cotangent on the null space of the active rows without a factorisation."""
        lower, u = solved.lower, solved.dual
        regularizer = analysis_regularizer(lower)
        active = jnp.abs(u) < regularizer.weight_like(u) * (1 - THRESHOLD)
        mu, backward = project_matrix_free(regularizer.W, active, cotangent, jnp.zeros_like(u), self.linear)
        v = cotangent - regularizer.W.adjoint(mu)
        return pair(lower, ActivePoint(solved.x, u, active), v, mu), backward


@configuration
class SvdExpression:
    """Solve, then evaluate  x*(W) = (I - W0^+ W0)(y - W+-^T s), which automatic differentiation crosses.

    The paper's own comparison ("PyTorch"). The active rows are known before the program is compiled, so that
    their pseudo-inverse has their size: a favour to this contestant, as training would compile anew for
    every size of the active set.

    Args:
        active: the numbers of the active rows.
    """

    active: tuple[int, ...] = ()

    def __call__(self, solver: DualFista, budget: Budget, lower: LowerLevel) -> Solution:
        """Solve the lower level, and replace x by the expression."""
        solution, zero, q = _split(self.active, budget, lower)
        del solver
        return solution._replace(x=q - jnp.matmul(jnp.linalg.pinv(zero), jnp.matmul(zero, q)))


@configuration
class QrExpression:
    """As `SvdExpression`, with an orthonormal basis of the active rows from a QR factorisation.

    Not in the paper: the same derivative by automatic differentiation of a cheaper factorisation.

    Args:
        active: the numbers of the active rows.
    """

    active: tuple[int, ...] = ()

    def __call__(self, solver: DualFista, budget: Budget, lower: LowerLevel) -> Solution:
        """Solve the lower level, and replace x by the expression."""
        solution, zero, q = _split(self.active, budget, lower)
        del solver
        basis = jnp.linalg.qr(zero.T)[0]
        return solution._replace(x=q - jnp.matmul(basis, jnp.matmul(basis.T, q)))


def _split(active: tuple[int, ...], budget: Budget, lower: LowerLevel) -> tuple[Solution, Array, Array]:
    """Return the solution, a constant to differentiation, the active rows W0, and q = y - W+-^T s."""
    solution = solve(DualFista(), budget, jax.lax.stop_gradient(lower))
    W = cast(Dense, analysis_regularizer(lower).W).matrix
    zero = jnp.asarray(active, jnp.int32)
    rest = jnp.asarray([row for row in range(W.shape[0]) if row not in set(active)], jnp.int32)
    signs = jnp.sign(solution.state.u[rest])
    return solution, W[zero], lower.y - jnp.matmul(signs, W[rest])
