"""jaxopt's implicit differentiation, as a contender."""

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from ..bench_traits import BenchTraits
from .jaxopt_solvers import run_jaxopt, supports_jaxopt


@configuration
class JaxoptImplicit:
    """Solve with jaxopt's counterpart of the solver and differentiate its fixed point implicitly.

    The adjoint is solved as jaxopt does by default, with conjugate gradients on the normal equations, which
    squares the condition number and reports no failure. Source: Blondel et al., 2022.
    """

    # jaxopt's adjoint solve stops at a fixed tolerance, which a filter bank's nearly dependent rows magnify.
    traits = MethodTraits()
    bench_traits = BenchTraits(granted_error=1e-2)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if jaxopt has a counterpart of the solver, else a sentence."""
        return supports_jaxopt(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with jaxopt."""
        require_supported(self, solver, lower)
        return run_jaxopt(solver, budget, lower, start, implicit=True)
