"""What contenders answer that begin where their library does."""

from ...hypergrad.method import Method
from ...solvers.analysis_l1_problem import PrimalDualPair


def require_no_start(method: Method, start: PrimalDualPair | None) -> None:
    """Raise `ValueError` if a pair to start from is given to a contender that cannot begin there."""
    if start is not None:
        raise ValueError(
            f"{method!r} cannot start from a pair (x, u): its library chooses the start; leave the pair out"
        )
