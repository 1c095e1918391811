"""What every solver offers, and what it returns."""

from enum import IntEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from ..problems.lower_level import LowerLevel
from ..problems.values.shown import facts_html, picture_html
from .analysis_l1_problem import PrimalDualPair
from .certificate import Certificate
from .solver_traits import SolverTraits

StartPoint = PrimalDualPair | Float[Array, "..."]
"""Where a solve begins: a pair for solvers with a dual variable, x alone for a `PointSolver`."""


class Outcome(IntEnum):
    """How a solve ended: an array inside jit, so it can be batched.

    OUT_OF_RANGE says that a parameter of the regulariser is out of its range, such as a weight below zero
    after a step of training, whatever the solve made of it.
    """

    CONVERGED = 0
    MAX_STEPS = 1
    NOT_FINITE = 2
    DIVERGED = 3
    OUT_OF_RANGE = 4


class Solution(NamedTuple):
    """The end of a solve.

    Attributes:
        x: the solution, shape of the signal.
        state: the solver's last state.
        steps: iterations made, a scalar.
        residual: relative optimality of x, the same measure whatever the solver (see `residuals`).
        status: an `Outcome`.
        certificate: of an l1 problem whose solver has a dual variable; None otherwise.
        contraction: estimated factor by which the residual falls per step, over the last stretch between two
            looks at it, infinite before there are two above rounding: the contraction factor of the map where
            the solver applies it plainly, the accelerated one where it accelerates. Of a `MapSolver` that
            stops at a tolerance; None otherwise.
    """

    x: Float[Array, "..."]
    state: Any
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    status: Int[Array, ""]
    certificate: Certificate | None = None
    contraction: Float[Array, ""] | None = None

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows: how the solve ended, or each of a batch, and the first image."""
        return solution_html(self)


def solution_html(solution: Solution) -> str | None:
    """Return how a solve, or each of a batch, ended as HTML, with the first image, (h, w) or (h, w, 3).

    None inside a transformation, where nothing of it is known.
    """
    known = solution._replace(state=None)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(known)):
        return None
    known = jax.tree.map(np.asarray, known)
    ends = known.status.ravel().tolist()
    facts: dict[str, object] = {
        "status": ", ".join(
            f"{ends.count(end)} of {len(ends)} {end.name}" if len(ends) > 1 else end.name
            for end in Outcome
            if end in ends
        ),
        "steps": f"{known.steps.max(initial=0)}",
        "residual": f"{known.residual.max(initial=0):.3g}",
        "x": f"{known.x.dtype} {known.x.shape}",
    }
    if known.certificate is not None:
        facts["certified"] = f"{np.sum(known.certificate.certified)} of {len(ends)}"
    if known.contraction is not None:
        facts["contraction"] = f"{known.contraction.max(initial=0):.3g}"
    heading = "Solution" if len(ends) == 1 else f"{len(ends)} solutions; steps and residual are the largest"
    shown = facts_html(heading, facts)
    shape = known.x.shape[known.status.ndim :]
    if known.x.size and (len(shape) == 2 or (len(shape) == 3 and shape[-1] == 3)):
        shown += picture_html("x, its smallest value black", known.x.reshape(-1, *shape)[0])
    return shown


@runtime_checkable
class Solver(Protocol):
    """An iteration: a frozen dataclass of hyperparameters with pure methods; its state is a NamedTuple.

    Step sizes are computed once in `init`, kept in the state, and are constants to differentiation: at a
    fixed point they do not change the solution; where they do, see `StepSizedSolver`. Every solver says its
    traits: `traits = SolverTraits()` in the class, without an annotation, which would make it a setting, or a
    property where they depend on its settings.
    """

    @property
    def traits(self) -> SolverTraits:
        """What the driver and the rules have to know of its steps."""
        ...

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None if this solver can solve `lower`, else a sentence that says why not."""
        ...

    def init(self, lower: LowerLevel) -> Any:
        """Make the first state."""
        ...

    def step(self, lower: LowerLevel, state: Any) -> Any:
        """Advance by one iteration."""
        ...

    def iterate(self, lower: LowerLevel, state: Any) -> Float[Array, "..."]:
        """Read the primal iterate off a state."""
        ...

    def residual(self, lower: LowerLevel, state: Any) -> Float[Array, ""]:
        """Measure how far a state is from optimal, relative."""
        ...


@runtime_checkable
class RestartingSolver(Protocol):
    """A solver that carries momentum and can drop it."""

    def restart(self, lower: LowerLevel, state: Any) -> Any:
        """Return the state of a solver that has just begun at this state's iterate."""
        ...


@runtime_checkable
class PointSolver(Solver, Protocol):
    """A solver that can begin at any x, such as the solution of a problem nearby."""

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> Any:
        """Make the first state, with x as its iterate and nothing else remembered."""
        ...


@runtime_checkable
class MapSolver(Protocol):
    """A solver that looks for a fixed point x = T(x) of a map, by the map's own steps or by accelerated ones.

    Its map need not contract: the driver looks at the residual of its start too, so that growth is seen.
    Where the steps have no derivative, by the trait `differentiable_step`, rules that differentiate the fixed
    point take T in their place.
    """

    def apply_map(self, lower: LowerLevel, state: Any) -> Any:
        """Return the state with its iterate x replaced by T(x); what does not follow from x stays."""
        ...


@runtime_checkable
class StepSizedSolver(Protocol):
    """A solver that also takes lower levels whose fixed point depends on the step size.

    That of a denoiser in the place of a prox does (`depends_on_step_size`). Rules that hold a state and
    differentiate what follows have the step size made from the lower level once more, with its derivative.
    """

    def with_step_size(self, lower: LowerLevel, state: Any) -> Any:
        """Return the state with the step size that `init` would give it; everything else stays."""
        ...
