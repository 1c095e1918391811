"""What a linear solver says of the systems that it solves."""

from ...problems.values.traits import traits


@traits
class LinearSolverTraits:
    """Say which systems a linear solver takes, and whether it solves them.

    Attributes:
        symmetric_only: whether the system must be symmetric; any invertible one will do otherwise.
        exact: whether what it returns tends to the solution as its limits are relaxed; False for a series
            that is cut off by design. A rule with an inexact linear solver is not exact either.
    """

    symmetric_only: bool = False
    exact: bool = True
