"""What a solver says of its steps."""

from ..problems.values.traits import traits


@traits
class SolverTraits:
    """Say what the driver and the differentiation rules have to know of a solver's steps.

    Attributes:
        differentiable_step: whether reverse mode can cross the step and its derivative at the solution is the
            map's; False where it holds a loop of its own, a factorisation or an acceleration.
        checks_every_step: whether the residual is looked at after each step, whatever the budget says; for
            steps that cost much more than the residual.
        one_at_a_time: whether the members of a batch follow each other under `vmap`, each with its own number
            of steps; for steps that gain nothing from being made together.
    """

    differentiable_step: bool = True
    checks_every_step: bool = False
    one_at_a_time: bool = False
