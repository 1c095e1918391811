"""jaxopt's unrolled differentiation, as a contender."""

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.iterations.lbfgs import Lbfgs
from ...solvers.solver import Solution, Solver, StartPoint
from ..bench_traits import BenchTraits
from .jaxopt_solvers import run_jaxopt, supports_jaxopt


@configuration
class JaxoptUnrolled:
    """Run jaxopt's counterpart of the solver for `budget.max_steps` steps and differentiate through them.

    Source: Blondel et al., 2022 (`implicit_diff=False`).
    """

    # jaxopt's accelerated projected gradient does not restart: its derivative settles long after its iterate.
    traits = MethodTraits(uses_every_step=True)
    bench_traits = BenchTraits(granted_error=1e-4)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if jaxopt has a counterpart that reverse mode can cross, else a sentence."""
        if isinstance(solver, Lbfgs):
            return "jaxopt's L-BFGS searches along its direction in a loop of thirty evaluations a step"
        return supports_jaxopt(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with jaxopt, unrolled."""
        require_supported(self, solver, lower)
        return run_jaxopt(solver, budget, lower, start, implicit=False)
