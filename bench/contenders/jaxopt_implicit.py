"""jaxopt's implicit differentiation, as a contender."""

from typing import ClassVar

from ...hypergrad.method import require_supported
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver
from .jaxopt_solvers import run_jaxopt, supports_jaxopt


@configuration
class JaxoptImplicit:
    """Solve with jaxopt's counterpart of the solver and differentiate its fixed point implicitly.

    The adjoint is solved as jaxopt does by default, with conjugate gradients on the normal equations, which
    squares the condition number and reports no failure. Source: Blondel et al., 2022.
    """

    # jaxopt's adjoint solve stops at a fixed tolerance, which a filter bank's nearly dependent rows magnify.
    accuracy: ClassVar[float] = 1e-2

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if jaxopt has a counterpart of the solver, else a sentence."""
        return supports_jaxopt(solver, lower)

    def __call__(self, solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
        """Solve the lower level with jaxopt."""
        require_supported(self, solver, lower)
        return run_jaxopt(solver, budget, lower, implicit=True)
