"""The lower levels that are solved inexactly: l1 on signals and images, and a fields-of-experts energy."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

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

TOLERANCES = tuple(float(f"1e-{power}") for power in range(1, 13))
QUICK_TOLERANCES = (1e-2, 1e-9)
MOST_STEPS, QUICK_MOST_STEPS = 20_000, 3000


class Case(NamedTuple):
    """A problem, the solver whose tolerance varies, and the rule that looks back from its result."""

    name: str
    task: Task
    data: GroundTruth
    regularizer: type[AnalysisL1] | type[FieldsOfExperts]
    shape: tuple[int, ...]
    solver: Solver
    method: AdjointMethod

    @property
    def label(self) -> str:
        """The rule's name."""
        return "closed form" if isinstance(self.method, ClosedForm) else "implicit"


class Problem(NamedTuple):
    """A lower level and its ground truth."""

    lower: LowerLevel
    truth: Float[Array, "..."]


CASES = (
    Case(
        "l1 denoising, n = 64", Denoising(), PiecewiseConstant(), AnalysisL1, (64,), DualFista(), ClosedForm()
    ),
    Case("l1 inpainting, n = 64", Inpainting(), PiecewiseConstant(), AnalysisL1, (64,), Admm(), ClosedForm()),
    Case(
        "l1 filter-bank denoising, 16 x 16",
        Denoising(),
        Photographs(),
        AnalysisL1,
        (16, 16),
        Admm(),
        ClosedForm(),
    ),
    Case(
        "fields-of-experts denoising, 16 x 16",
        Denoising(),
        Photographs(),
        FieldsOfExperts,
        (16, 16),
        Nesterov(),
        Implicit(),
    ),
)


def make_problem(case: Case) -> Problem:
    """Draw the problem of a case, with the regulariser that benchmarks start from."""
    truths = case.data.sample(case.shape, 1, 0)
    A, y = measure(case.task, truths, 0)
    return Problem(LowerLevel(A, y[0], case.regularizer.initial(case.shape, 0)), jnp.asarray(truths[0]))
