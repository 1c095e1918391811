"""diffcp's derivative of a cone program, as a contender."""

import importlib.util

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.linear_operator import LinearOperator
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.analysis_l1_problem import (
    DualSolver,
    analysis_regularizer,
    supports_analysis_l1,
)
from ...solvers.budget import Budget
from ...solvers.certificate import certify
from ...solvers.residuals import kkt_residual
from ...solvers.solve import Ended, finish
from ...solvers.solver import Solution, Solver, StartPoint
from ..bench_traits import BenchTraits
from .child_solve import Call, solve_in_child
from .no_start import require_no_start

LARGEST = 2**18
"""Entries of A or of W as a matrix: a cone program is stated with both."""


@configuration
class DiffcpImplicit:
    """Let cvxpy state the l1 problem as a cone program, and SCS and diffcp solve and differentiate it.

    In a child process, in float64 whatever the problem's precision. A and W are handed over as matrices, the
    weight inside W, and differentiated through by JAX. SCS is the solver, whatever the row's; its tolerance
    is the budget's, on its own residuals. Source: Agrawal et al., 2019.
    """

    traits = MethodTraits()
    bench_traits = BenchTraits(granted_error=1e-3, in_a_child=True)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if diffcp is installed and the problem is a small l1 one, else a sentence."""
        missing = [name for name in ("cvxpy", "diffcp") if importlib.util.find_spec(name) is None]
        if missing:
            return f"{' and '.join(missing)} not installed; the extra 'peers' brings it"
        reason = supports_analysis_l1(lower)
        if reason is not None:
            return reason
        if not isinstance(solver, DualSolver):
            return f"SCS is a primal-dual solver; {type(solver).__name__} has no dual variable"
        n, m = _size(lower.shape), lower.y.size
        k = _size(jax.eval_shape(analysis_regularizer(lower).W, jnp.zeros(lower.shape, lower.y.dtype)).shape)
        if n * max(m, k) > LARGEST:
            return f"A or W has {n * max(m, k)} entries as a matrix, and {LARGEST} are accepted"
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level in the child process."""
        require_supported(self, solver, lower)
        require_no_start(self, start)
        A, M = _matrix(lower.A, lower), _matrix(analysis_regularizer(lower).W, lower)
        weight = analysis_regularizer(lower).weight_like(_response(lower)).reshape(-1, 1)
        settings = (("max_steps", budget.max_steps), ("tolerance", budget.tolerance))
        n = _size(lower.shape)
        call = Call("cone_child.py", "diffcp", settings, (n + len(M),))
        point, steps = solve_in_child(call, {"A": A, "y": lower.y.reshape(-1), "M": weight * M}, {})
        held = jax.lax.stop_gradient(lower)
        x = point[:n].reshape(lower.shape)
        # The child's dual variable is that of the weighted responses, within one.
        u = (weight[:, 0] * point[n:]).reshape(_response(lower).shape)
        found = jax.lax.stop_gradient((x, u))
        return finish(budget, lower, x, Ended(None, steps, kkt_residual(held, *found)), certify(held, *found))


def _response(lower: LowerLevel) -> Float[Array, "..."]:
    return analysis_regularizer(lower).W(jnp.zeros(lower.shape, lower.y.dtype))


def _matrix(operator: LinearOperator, lower: LowerLevel) -> Float[Array, "k n"]:
    """Apply a linear operator to every unit vector."""
    units = jnp.eye(_size(lower.shape), dtype=lower.y.dtype).reshape(-1, *lower.shape)
    return jax.vmap(operator)(units).reshape(len(units), -1).T


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
