"""l1 problems on images of growing size, and the ways to differentiate them that are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64, Int

from ....hypergrad import ClosedForm, Unrolled, hypergradient
from ....hypergrad.method import Method
from ....problems import AnalysisL1, Deconvolution, Denoising, LowerLevel, Photographs, Task, measure
from ....solvers import Admm, Budget, Cg, Minres, solve
from ..training_pair import TrainingPair

TASKS: dict[str, Task] = {"denoising": Denoising(), "deconvolution": Deconvolution()}
SIDES, QUICK_SIDES = (64, 128, 256, 512, 1024), (16,)
LARGEST_CROP = 256
WEIGHT_PER_NOISE = 0.2

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


@dataclass(frozen=True)
class GrowingImage:
    """A task on one square image."""

    task: str
    side: int

    @property
    def name(self) -> str:
        """Task and size: "denoising 64 x 64"."""
        return f"{self.task} {self.side} x {self.side}"

    def pair(self) -> TrainingPair:
        """Measure the image; the weight is a fifth of the noise."""
        truth, task = ground_truth(self.side), TASKS[self.task]
        A, y = measure(task, truth[None], 0)
        weight = jnp.asarray(WEIGHT_PER_NOISE * task.noise)
        regularizer = AnalysisL1(AnalysisL1.initial(truth.shape, 0).W, weight)
        return TrainingPair(LowerLevel(A, y[0], regularizer), jnp.asarray(truth))


class Differentiated(NamedTuple):
    """What a program returns beside its gradient: scalars of the solve and of the backward pass."""

    gradient: AnalysisL1
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    ambiguous: Int[Array, ""]
    adjoint_steps: Int[Array, ""] | None
    adjoint_residual: Float[Array, ""] | None


def ground_truth(side: int) -> Float64[np.ndarray, "side side"]:
    """Return a crop of a photograph; beyond 256 pixels one of 256, mirrored at its borders."""
    crop = Photographs().sample((min(side, LARGEST_CROP),) * 2, 1, 0)[0]
    copies = -(-side // len(crop))
    tile = np.block([[crop, crop[:, ::-1]], [crop[::-1], crop[::-1, ::-1]]])
    return np.tile(tile, (copies, copies))[:side, :side] if copies > 1 else crop


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
