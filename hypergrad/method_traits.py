"""What a differentiation rule says of its gradient."""

from ..problems.values.traits import traits


@traits
class MethodTraits:
    """Say what a caller has to know of a rule before it is run.

    Attributes:
        exact: whether the gradient tends to the solution's as the budget grows; False for a rule that is
            biased by design. Of every exact rule the conformance checks demand the reference's gradient.
        uses_every_step: whether exactly `budget.max_steps` iterations are made, whatever the tolerance.
        adjoint_of_energy: whether the gradient is  -d/dtheta <v, grad E(x)>  with v the account's `adjoint`,
            exact or not, so that `error_bound` can judge it.
        adjoint_can_start: whether `backward` takes a guess of the adjoint, and its equation starts there.
    """

    exact: bool = True
    uses_every_step: bool = False
    adjoint_of_energy: bool = False
    adjoint_can_start: bool = False
