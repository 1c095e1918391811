"""The rows of restarts: one per number of layers, and one per number of restarts."""

from typing_extensions import TypedDict

LAYERS, RESTARTS = "layers", "restarts"
"""What grows from row to row."""


class RestartRow(TypedDict):
    """Errors of restarted differentiation, relative.

    Attributes:
        case: the problem's name.
        solver: its repr.
        quick: whether it was a quick run.
        rho: spectral radius of the Jacobian of the solver's step at the solution.
        over: `LAYERS` or `RESTARTS`.
        steps: layers on tape, or steps in all.
        gradient_error: of the hypergradient.
        x_error: of x.
    """

    case: str
    solver: str
    quick: bool
    rho: float
    over: str
    steps: int
    gradient_error: float
    x_error: float
