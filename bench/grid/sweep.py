"""Over what a suite sweeps the budget of every method."""

from dataclasses import dataclass


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
    """

    tolerances: tuple[float, ...] = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
    tight: float = 1e-10
    baseline: float = 1e-8
    shares: tuple[float, ...] = (0.03, 0.3)
    lengths: tuple[int, ...] = (5, 50)
    parameters: int = 200
    max_steps: int = 5000
