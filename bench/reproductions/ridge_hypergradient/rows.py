"""The rows of ridge hypergradients: one for each contestant."""

from typing_extensions import TypedDict


class RidgeRow(TypedDict):
    """What one contestant's hypergradient of a batch of crops costs, and how wrong it is.

    Attributes:
        case: count and size of the crops.
        quick: whether it was a quick run, of small crops.
        contestant: its name, with what it solves and differentiates by.
        status: ok if every solve and every adjoint reached its tolerance.
        reason: a sentence, where the status needs it.
        steps: of the solver, of the slowest member of the batch.
        adjoint_steps: products with the Hessian, of the slowest member.
        gradient_error: relative, by all parameters, against a float64 gradient.
        seconds: of solve and gradient, the median of the rounds; None where it was not timed.
        seconds_q1: the lower quartile.
        seconds_q3: the upper one.
        ratio: its seconds over those of optax's L-BFGS, formed round by round.
    """

    case: str
    quick: bool
    contestant: str
    status: str
    reason: str
    steps: int
    adjoint_steps: int
    gradient_error: float | None
    seconds: float | None
    seconds_q1: float | None
    seconds_q3: float | None
    ratio: float | None
