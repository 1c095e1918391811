"""l1 problems on images of growing size, solved exactly where that takes minutes at most."""

from dataclasses import dataclass

from ....hypergrad import ClosedForm
from ....solvers import ActiveSet, Admm, Budget
from ....solvers.solver import Solver
from ..growing_images import TASKS, GrowingImage

SIDES, QUICK_SIDES = (64, 128, 256, 512, 1024), (16,)
LARGEST_CERTIFIED = {"denoising": 512, "deconvolution": 256}
"""Pixels a side up to which the solution is certified; beyond, first-order steps end at 1e-5."""
METHOD = ClosedForm()
FIRST_ORDER = Budget(max_steps=2000, tolerance=1e-5, check_every=5)
STEPS = (1e-8, 1e-9, 1e-10, 1e-11)
"""Of central differences, along a direction of length one: the first counts that crosses no kink."""
LARGEST_DIFFERENCED = 256
"""Pixels a side up to which differences are taken: each of their ends is solved to a certificate anew."""


@dataclass(frozen=True)
class ExactImage:
    """A task on one square image."""

    task: str
    side: int

    @property
    def name(self) -> str:
        """Task and size: "denoising 64 x 64"."""
        return self.image.name

    @property
    def image(self) -> GrowingImage:
        """The image and its measurement."""
        return GrowingImage(self.task, self.side)

    @property
    def is_certified(self) -> bool:
        """Whether it is solved to a certificate."""
        return self.side <= LARGEST_CERTIFIED[self.task]

    @property
    def solver(self) -> Solver:
        """What solves it."""
        return ActiveSet() if self.is_certified else Admm(rho=1.0)

    @property
    def budget(self) -> Budget:
        """The solver's."""
        return Budget() if self.is_certified else FIRST_ORDER


def all_images(quick: bool) -> list[ExactImage]:
    """Return tasks and sizes, the small ones first."""
    return [ExactImage(task, side) for side in (QUICK_SIDES if quick else SIDES) for task in TASKS]
