"""How long a solver may run."""

from jaxtyping import Array, Float

from ..problems.values.configuration import configuration
from ..problems.values.validation import is_known


@configuration
class Budget:
    """Stop at a relative residual, or after so many iterations.

    Args:
        max_steps: iterations at most, at least 1.
        tolerance: relative residual at which to stop; 0 runs all the steps, and from 1 on the start itself
            would pass for a solution. An array of the lower level's dtype is taken as it is: one compiled
            program then serves many tolerances.
        check_every: the residual is looked at once in so many iterations, since for some solvers it costs as
            much as a step; a solve can overrun its tolerance by that many steps less one.

    Raises:
        TypeError: if a step count or the tolerance is no number.
        ValueError: if a step count is not whole or below 1, or the tolerance is not at least 0 and below 1.
    """

    max_steps: int = 1000
    tolerance: float | Float[Array, ""] = 1e-6
    check_every: int = 10

    def __post_init__(self) -> None:
        if self.max_steps < 1 or self.check_every < 1:
            raise ValueError(
                f"max_steps and check_every must be at least 1; got {self.max_steps} and {self.check_every}"
            )
        if is_known(self.tolerance) and not 0 <= self.tolerance < 1:
            raise ValueError(
                f"tolerance must be at least 0 and below 1, a relative residual; got {self.tolerance}"
            )
