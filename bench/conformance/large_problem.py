"""Problems above the sizes at which code takes another route, with the solvers that take it."""

import functools
from typing import NamedTuple

from ...problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from ...problems.regularizers.sparse.analysis_l1 import AnalysisL1
from ...problems.tasks.deconvolution import Deconvolution
from ...problems.tasks.denoising import Denoising
from ...problems.tasks.inpainting import Inpainting
from ...solvers.iterations.admm import Admm
from ...solvers.iterations.dual_fista import DualFista
from ...solvers.iterations.nesterov import Nesterov
from ...solvers.solver import Solver
from .small_problem import SmallProblem

MATRICES, ITERATED, FACTORED = (40, 40), (48, 48), (68, 64)
"""More than the 1024 unknowns of a dense Hessian, the 2048 of Admm's factor, the 4096 of any factor."""


class Large(NamedTuple):
    """A problem, a solver that takes another route on it, and whether only rules that have routes are asked.

    Attributes:
        problem: without a reference.
        solver: of it.
        routed: whether what changes at this size is in rules that say `route`.
    """

    problem: SmallProblem
    solver: Solver
    routed: bool


@functools.cache
def large_problems() -> tuple[Large, ...]:
    """Return one problem of each kind above each size: wrong there, code can be right on all small ones."""
    bank = "AnalysisL1(FilterBank)"
    largest = AnalysisL1.initial(FACTORED, 0)
    experts = FieldsOfExperts.initial(MATRICES, 0)
    return (
        Large(SmallProblem("FieldsOfExperts", Denoising(), experts, MATRICES), Nesterov(), False),
        Large(SmallProblem(bank, Inpainting(), AnalysisL1.initial(ITERATED, 0), ITERATED), Admm(), False),
        Large(SmallProblem(bank, Denoising(), largest, FACTORED), DualFista(), True),
        Large(SmallProblem(bank, Deconvolution(), largest, FACTORED), Admm(), True),
    )
