"""optimistix's recursive checkpointing, as a contender."""

import dataclasses
import importlib
from typing import Any

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.iterations.lbfgs import Lbfgs
from ...solvers.solver import Solution, Solver, StartPoint
from ..bench_traits import BenchTraits
from .no_start import require_no_start
from .optimistix_solvers import run_optimistix, supports_optimistix


@configuration
class OptimistixUnrolled:
    """Run optimistix's counterpart of the solver for `budget.max_steps` steps and differentiate through them.

    Its loop chooses checkpoints while it runs (Stumm and Walther, 2010), of the order of the square root of
    the steps. Source: Rader, Lyons and Kidger, 2024 (`RecursiveCheckpointAdjoint`).
    """

    traits = MethodTraits(uses_every_step=True)
    bench_traits = BenchTraits(granted_error=1e-4)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if optimistix has a counterpart that reverse mode can cross, else a sentence."""
        if isinstance(solver, Lbfgs):
            return (
                "the line search of optimistix's L-BFGS accepts or refuses steps: its iterates are not smooth"
            )
        return supports_optimistix(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with optimistix, on tape."""
        require_supported(self, solver, lower)
        require_no_start(self, start)
        optimistix: Any = importlib.import_module("optimistix")
        budget = dataclasses.replace(budget, tolerance=0.0)
        return run_optimistix(solver, budget, lower, optimistix.RecursiveCheckpointAdjoint())
