"""What contenders answer that begin where their library does."""

from ...hypergrad.method import Method
from ...solvers.solver import StartPoint


def require_no_start(method: Method, start: StartPoint | None) -> None:
    """Raise `ValueError` if a start is given to a contender that cannot begin there."""
    if start is not None:
        raise ValueError(
            f"{method!r} cannot start from a given x: its library chooses the start; leave it out"
        )
