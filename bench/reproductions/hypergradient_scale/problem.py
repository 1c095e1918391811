"""The ways to differentiate l1 problems on images of growing size that are compared."""

from collections.abc import Callable
from typing import NamedTuple, cast

from jaxtyping import Array, Float, Int

from ....hypergrad import ClosedForm, Unrolled, hypergradient
from ....hypergrad.method import Method
from ....problems import AnalysisL1
from ....solvers import Admm, Budget, Cg, Minres, solve
from ..training_pair import TrainingPair

SIDES, QUICK_SIDES = (64, 128, 256, 512, 1024), (16,)

SOLVER = Admm(rho=1.0)
BUDGET = Budget(max_steps=2000, tolerance=1e-5, check_every=5)
LONGER = Budget(max_steps=10 * BUDGET.max_steps, tolerance=BUDGET.tolerance, check_every=BUDGET.check_every)
ADJOINT_STEPS, ADJOINT_TOLERANCE = 500, 1e-3
LINEAR = ClosedForm(
    factored_up_to=0,
    linear=Cg(max_steps=ADJOINT_STEPS, tolerance=ADJOINT_TOLERANCE),
    indefinite=Minres(max_steps=ADJOINT_STEPS, tolerance=ADJOINT_TOLERANCE),
)
UNROLLED_STEPS, SEGMENT = 300, 17
CLOSED_FORM = "closed form"
UNROLLED = {"unrolled": Unrolled(), "unrolled, checkpointed": Unrolled(checkpoint_every=SEGMENT)}


class Differentiated(NamedTuple):
    """What a program returns beside its gradient: scalars of the solve and of the backward pass."""

    gradient: AnalysisL1
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    ambiguous: Int[Array, ""]
    adjoint_steps: Int[Array, ""] | None
    adjoint_residual: Float[Array, ""] | None


def solve_program(budget: Budget) -> Callable[[TrainingPair], Float[Array, "..."]]:
    """Return the forward solve."""
    return lambda pair: solve(SOLVER, budget, pair.lower).x


def total_program(method: Method, budget: Budget) -> Callable[[TrainingPair], Differentiated]:
    """Return solve and hypergradient of the mean squared error by the filters and their weight."""

    def total(pair: TrainingPair) -> Differentiated:
        found = hypergradient(method, SOLVER, budget, pair.lower, pair.loss)
        certificate = found.solution.certificate
        assert certificate is not None
        backward = found.backward
        return Differentiated(
            cast(AnalysisL1, found.gradient.regularizer),
            found.solution.steps,
            found.solution.residual,
            certificate.ambiguous,
            backward.steps,
            backward.residual,
        )

    return total
