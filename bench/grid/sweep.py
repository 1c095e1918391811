"""Over what a suite sweeps the budget of every method."""

from dataclasses import dataclass

from .suite_fields import is_whole, require, require_whole


@dataclass(frozen=True)
class Sweep:
    """Say over what a suite sweeps.

    Attributes:
        tolerances: of the solver, and with it of the adjoint equation, from loose to tight.
        tight: tolerance at which biased rules are swept over their own setting.
        baseline: tolerance of differences of solutions.
        shares: of the largest number of steps, for rules that differentiate the last ones alone.
        lengths: settings of the other biased rules: steps, terms.
        parameters: rules that move one parameter after the other meet at most so many.
        max_steps: of solvers that stop at a tolerance. A point that would need more is out of steps.

    Raises:
        ValueError: for a field that is something else, such as a tolerance of 1.
    """

    tolerances: tuple[float, ...] = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
    tight: float = 1e-10
    baseline: float = 1e-8
    shares: tuple[float, ...] = (0.03, 0.3)
    lengths: tuple[int, ...] = (5, 50)
    parameters: int = 200
    max_steps: int = 5000

    def __post_init__(self) -> None:
        """Refuse what no solver accepts, before a run lists its cases."""
        for name in ("tolerances", "shares"):
            numbers = getattr(self, name)
            holds = isinstance(numbers, tuple) and len(numbers) > 0 and all(map(_is_share, numbers))
            require(self, name, "a tuple of numbers between 0 and 1", holds)
        for name in ("tight", "baseline"):
            require(self, name, "a number between 0 and 1", _is_share(getattr(self, name)))
        require_whole(self, "lengths")
        for name in ("parameters", "max_steps"):
            require(self, name, "a whole number from 1 on", is_whole(getattr(self, name)))


def _is_share(number: object) -> bool:
    return isinstance(number, float) and 0 < number < 1
