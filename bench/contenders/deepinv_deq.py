"""deepinv's implicit differentiation, as a contender."""

from ...hypergrad.method import require_supported
from ...hypergrad.method_traits import MethodTraits
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.solver import Solution, Solver, StartPoint
from ..bench_traits import BenchTraits
from .no_start import require_no_start
from .torch_peers import run_torch_peer, supports_torch_peer


@configuration
class DeepinvDeq:
    """Let deepinv run gradient descent as a deep equilibrium model.

    In a child process with PyTorch on the CPU, in the problem's precision; both ways are plain fixed-point
    iterations. Source: Tachella et al., 2025 (DeepInverse).

    Args:
        adjoint_tolerance: of the backward iteration, relative.

    Raises:
        ValueError: if `adjoint_tolerance` is not positive and below 1.
    """

    adjoint_tolerance: float = 1e-10
    traits = MethodTraits()
    bench_traits = BenchTraits(granted_error=1e-3, in_a_child=True)

    def __post_init__(self) -> None:
        if not 0 < self.adjoint_tolerance < 1:
            raise ValueError(f"adjoint_tolerance must be positive and below 1; got {self.adjoint_tolerance}")

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if deepinv is installed and can express the problem, else a sentence."""
        return supports_torch_peer("deepinv", solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level in the child process."""
        require_supported(self, solver, lower)
        require_no_start(self, start)
        return run_torch_peer("deepinv", budget, lower, self.adjoint_tolerance)
