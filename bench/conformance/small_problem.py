"""Small lower levels with trusted solutions and hypergradients, on which solvers and methods are checked."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...hypergrad.references.central_differences import random_directions
from ...hypergrad.references.reference import Reference, disagreement, reference, reference_rung
from ...problems.ground_truths.color_photographs import ColorPhotographs
from ...problems.ground_truths.photographs import Photographs
from ...problems.ground_truths.piecewise_constant import PiecewiseConstant
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from ...problems.regularizers.experts.potentials import LogCosh, Lorentzian, Potential, PseudoHuber
from ...problems.regularizers.experts.untied_experts import UntiedExperts
from ...problems.regularizers.sparse.analysis_l1 import AnalysisL1
from ...problems.task import Task, measure
from ...problems.tasks.deconvolution import Deconvolution
from ...problems.tasks.denoising import Denoising
from ...problems.tasks.inpainting import Inpainting
from ..failure import failure_of
from .compiled import Compiled

SIGNAL, SMALL_IMAGE, IMAGE, COLOUR = (16,), (6, 6), (8, 8), (6, 8, 3)
SHAPES = (SIGNAL, IMAGE, COLOUR)
TRUSTED = 1e-5
"""A reference hypergradient may disagree with central differences by so much, relative."""


@dataclass(frozen=True, eq=False)
class SmallProblem:
    """A task and a regulariser at one size; two measurements of it, and what is known of the first.

    Attributes:
        name: of the regulariser, for labels.
        steps: within which the iterates of every solver settle, and their derivatives, which are later.
    """

    name: str
    task: Task
    regularizer: Regularizer
    shape: tuple[int, ...]
    steps: int = 700

    @property
    def label(self) -> str:
        """Say which problem it is."""
        return f"{type(self.task).__name__}, {self.name}, {size(self.shape)}"

    @functools.cached_property
    def lowers(self) -> tuple[LowerLevel, LowerLevel]:
        """The lower levels of two measurements, float64."""
        data = (PiecewiseConstant(), Photographs(), ColorPhotographs())[len(self.shape) - 1]
        A, y = measure(self.task, data.sample(self.shape, 2, 0), 0)
        return LowerLevel(A, y[0], self.regularizer), LowerLevel(A, y[1], self.regularizer)

    @functools.cached_property
    def reference(self) -> Reference | None:
        """Solution and hypergradient of the first lower level; None if none can be trusted to 1e-5."""
        lower = self.lowers[0]
        if not reference_rung(lower)[1]:
            return None
        directions = random_directions(lower, 2, 0, ("A", "y", "regularizer"))
        found = Compiled(_reference)((), (lower, directions))
        error = float(disagreement(found.gradient, directions, found.differences.central))
        usable = bool(found.trusted) and not bool(found.nonsmooth)
        return found if usable and error <= TRUSTED else None


@functools.cache
def small_problems() -> tuple[SmallProblem, ...]:
    """Return every task, l1 and smooth energy, and potential once, and an operator: a Latin square, for time.

    Analysis l1 with a filter bank is there for denoising alone: on 6 x 6 pixels the other tasks' active rows
    are dependent, where the solution has no derivative.
    """
    return (
        SmallProblem("AnalysisL1(Dense)", Denoising(), AnalysisL1.initial(SIGNAL, 0), SIGNAL),
        SmallProblem("AnalysisL1(Dense)", Inpainting(), AnalysisL1.initial(SIGNAL, 0), SIGNAL),
        SmallProblem("AnalysisL1(Dense)", Deconvolution(), AnalysisL1.initial(SIGNAL, 0), SIGNAL),
        SmallProblem(
            "AnalysisL1(FilterBank)", Denoising(), AnalysisL1.initial(SMALL_IMAGE, 0), SMALL_IMAGE, steps=5000
        ),
        experts_problem(Denoising(), PseudoHuber()),
        experts_problem(Inpainting(), LogCosh()),
        experts_problem(Deconvolution(), Lorentzian()),
        untied_problem(Denoising()),
    )


def untied_problem(task: Task) -> SmallProblem:
    """Return a task with untied experts, which have no energy."""
    return SmallProblem("UntiedExperts", task, UntiedExperts.initial(IMAGE, 0), IMAGE)


def experts_problem(task: Task, potential: Potential) -> SmallProblem:
    """Return a task with fields of experts of one potential."""
    regularizer = dataclasses.replace(FieldsOfExperts.initial(IMAGE, 0), potential=potential)
    return SmallProblem(f"FieldsOfExperts({potential!r})", task, regularizer, IMAGE)


def outer(x: Float[Array, "..."]) -> Float[Array, ""]:
    """Compare x with a ramp from 0 to 1: a loss whose gradient has no symmetry."""
    return jnp.mean(jnp.square(x - jnp.linspace(0, 1, x.size, dtype=x.dtype).reshape(x.shape)))


def starting_shapes(cls: type[Regularizer]) -> list[tuple[int, ...]]:
    """Return the small shapes at which a regulariser can start."""
    return [shape for shape in SHAPES if _starts(cls, shape)]


def size(shape: tuple[int, ...]) -> str:
    """Return "16" or "8x8"."""
    return "x".join(map(str, shape))


def in_single(tree: Any) -> Any:
    """Return a tree in float32."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)


def _starts(cls: type[Regularizer], shape: tuple[int, ...]) -> bool:
    try:
        cls.initial(shape, 0)
    except BaseException as error:
        failure_of(error)  # an interrupt goes on; the check of the regulariser says what else it was
        return False
    return True


def _reference(problem: tuple[LowerLevel, LowerLevel]) -> Reference:
    lower, directions = problem
    return reference(lower, outer, directions)
