"""The closed list of what can become of a measurement."""

from enum import StrEnum

from ..errors import UserError, nearest


class Status(StrEnum):
    """Say what became of a measurement; each member carries its meaning in `sentence`.

    Only rows that are `ok`, `max_steps`, `adjoint_missed` or `not_certified` have numbers, and those of two
    statuses are never averaged together.
    """

    sentence: str
    _value_: str

    def __new__(cls, value: str, sentence: str) -> "Status":
        """Attach the documenting sentence to the string that records hold."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    OK = "ok", "the tolerance was reached and every number is finite"
    MAX_STEPS = (
        "max_steps",
        "the budget ran out before the tolerance: numbers are measured, but the solution is not converged",
    )
    ADJOINT_MISSED = (
        "adjoint_missed",
        "the solve converged, but the backward pass's linear system was not solved to its tolerance: numbers "
        "are measured, but the gradient is that of another system",
    )
    NOT_CERTIFIED = (
        "not_certified",
        "the solution's certificate does not prove it optimal: numbers are measured, but the gradient may be "
        "that of another point; the reason tells the largest violation",
    )
    NONSMOOTH = (
        "nonsmooth",
        "a solution lies on a kink, where it has no derivative: left out of averages; the reason tells its "
        "one-sided derivatives",
    )
    DIVERGED = (
        "diverged",
        "the residual of a solve grew instead of falling: its map does not contract, and its end is no "
        "solution",
    )
    OUT_OF_RANGE = (
        "out_of_range",
        "a parameter of the regulariser is out of its range, such as a weight below zero: the energy is not "
        "what the solver takes it for",
    )
    NOT_FINITE = "not_finite", "a solution, a loss or a gradient holds NaN or infinity"
    NOT_SUPPORTED = "not_supported", "the solver or the method cannot do this problem; the reason says why"
    NOT_INSTALLED = (
        "not_installed",
        "an optional package that this contestant needs is not installed; the reason says how to install it",
    )
    OUT_OF_MEMORY = (
        "out_of_memory",
        "the device refused the memory, the compiler predicted more than the limit, or the process that "
        "measured it took more",
    )
    TIMED_OUT = (
        "timed_out",
        "one call took longer than the limit, so that it was left out of the rounds, or the process that "
        "measured it was silent for longer than it may be",
    )
    CRASHED = (
        "crashed",
        "the process that measured it ended, by a signal or by itself; the reason has which, and the last "
        "lines that it wrote",
    )
    FAILED = (
        "failed",
        "a plug-in or a contender raised something, or returned no solution; the reason is its message",
    )

    @property
    def measured(self) -> bool:
        """Tell whether a record of this status holds numbers that may enter a table."""
        return self in (Status.OK, Status.MAX_STEPS, Status.ADJOINT_MISSED, Status.NOT_CERTIFIED)


def status_named(name: object) -> Status:
    """Return the status of that name; raise `UserError`, with the nearest one, for a name not on the list."""
    if name not in list(Status):
        raise UserError(nearest(str(name), map(str, Status), kind="status"))
    return Status(str(name))
