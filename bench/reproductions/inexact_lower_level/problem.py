"""The lower levels that are solved inexactly: l1 on signals and images, and a fields-of-experts energy."""

from dataclasses import dataclass

import jax.numpy as jnp

from ....hypergrad import ClosedForm, Implicit
from ....hypergrad.method import AdjointMethod
from ....problems import (
    AnalysisL1,
    Denoising,
    FieldsOfExperts,
    GroundTruth,
    Inpainting,
    LowerLevel,
    Photographs,
    PiecewiseConstant,
    Task,
    measure,
)
from ....solvers import Admm, DualFista, Nesterov, Solver
from ..training_pair import TrainingPair

TOLERANCES = tuple(float(f"1e-{power}") for power in range(1, 13))
QUICK_TOLERANCES = (1e-2, 1e-9)
MOST_STEPS, QUICK_MOST_STEPS = 20_000, 3000


@dataclass(frozen=True)
class InexactCase:
    """A problem, the solver whose tolerance varies, and the rule that looks back from its result."""

    name: str
    task: Task
    data: GroundTruth
    regularizer: type[AnalysisL1] | type[FieldsOfExperts]
    shape: tuple[int, ...]
    solver: Solver
    method: AdjointMethod

    @property
    def rule(self) -> str:
        """The rule's name."""
        return "closed form" if isinstance(self.method, ClosedForm) else "implicit"

    def pair(self) -> TrainingPair:
        """Draw the problem, with the regulariser that benchmarks start from."""
        truths = self.data.sample(self.shape, 1, 0)
        A, y = measure(self.task, truths, 0)
        lower = LowerLevel(A, y[0], self.regularizer.initial(self.shape, 0))
        return TrainingPair(lower, jnp.asarray(truths[0]))


_SIGNALS, _IMAGES = PiecewiseConstant(), Photographs()
CASES = (
    InexactCase("l1 denoising, n = 64", Denoising(), _SIGNALS, AnalysisL1, (64,), DualFista(), ClosedForm()),
    InexactCase("l1 inpainting, n = 64", Inpainting(), _SIGNALS, AnalysisL1, (64,), Admm(), ClosedForm()),
    InexactCase(
        "l1 filter-bank denoising, 16 x 16",
        Denoising(),
        _IMAGES,
        AnalysisL1,
        (16, 16),
        Admm(),
        ClosedForm(),
    ),
    InexactCase(
        "fields-of-experts denoising, 16 x 16",
        Denoising(),
        _IMAGES,
        FieldsOfExperts,
        (16, 16),
        Nesterov(),
        Implicit(),
    ),
)
