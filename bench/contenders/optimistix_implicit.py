"""optimistix's implicit differentiation, as a contender."""

import importlib
from typing import Any

import lineax

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from .no_start import require_no_start
from .optimistix_solvers import run_optimistix, supports_optimistix


@configuration
class OptimistixImplicit:
    """Solve with optimistix's counterpart of the solver and differentiate its optimality condition.

    The adjoint is solved by lineax's conjugate gradients, matrix-free: optimistix's default builds the dense
    Hessian. Source: Rader, Lyons and Kidger, 2024 (`ImplicitAdjoint`).

    Args:
        adjoint_tolerance: of the conjugate gradients, entry by entry.

    Raises:
        ValueError: if `adjoint_tolerance` is not positive and below 1.
    """

    adjoint_tolerance: float = 1e-10
    traits = MethodTraits()

    def __post_init__(self) -> None:
        if not 0 < self.adjoint_tolerance < 1:
            raise ValueError(f"adjoint_tolerance must be positive and below 1; got {self.adjoint_tolerance}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if optimistix is there and has a counterpart of the solver, else a sentence."""
        return supports_optimistix(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level with optimistix."""
        require_supported(self, solver, lower)
        require_no_start(self, start)
        optimistix: Any = importlib.import_module("optimistix")
        linear = lineax.CG(rtol=self.adjoint_tolerance, atol=self.adjoint_tolerance * 1e-6, max_steps=2000)
        return run_optimistix(solver, budget, lower, optimistix.ImplicitAdjoint(linear))
