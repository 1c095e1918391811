"""The rows of a step of a deep equilibrium model: one per library and gradient."""

from typing_extensions import TypedDict


class JudgedStep(TypedDict):
    """One way to form a gradient; numbers are None where it was not timed.

    Attributes:
        library: deepinv, or ours.
        what: which gradient, in words.
        threads: on which it ran.
        forward_seconds: of the solve alone.
        seconds: of solve and gradient together.
        error: of the gradient by filters and weights, relative to the exact one.
        over_exact: our seconds over those of deepinv's step with its own backward iteration, the median of
            the ratios formed round by round, the larger over deepinv's threads; None for deepinv's rows.
        over_jacobian_free: the same, over its Jacobian-free step.
        status: ok, not installed, or what became of it.
        reason: why, where it is not ok.
    """

    library: str
    what: str
    threads: int
    forward_seconds: float | None
    seconds: float | None
    error: float | None
    over_exact: float | None
    over_jacobian_free: float | None
    status: str
    reason: str


class DeqRow(JudgedStep):
    """One row.

    Attributes:
        case: images and iterations in short.
        quick: whether it was a quick run.
        reference_residual: the largest relative residual of the exact gradient's solves and adjoints.
        version: of deepinv, where it is installed.
    """

    case: str
    quick: bool
    reference_residual: float
    version: str | None
