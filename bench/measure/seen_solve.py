"""How a case's solver comes to its solution, and the hypergradient that follows: for looking, never timed."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...solvers.solver import Solver
from ..grid.case import Case
from ..grid.inputs import cast, lower_level, make_inputs
from .programs import solve_and_differentiate
from .untimed import untimed

MOST = 2000
"""Steps that are followed at most."""


class SeenSolve(NamedTuple):
    """A case, looked at.

    Attributes:
        residuals: of the first member of the batch, at its start and after each step that was followed.
        gradient: of the whole batch's loss.
    """

    residuals: Float[Array, " steps"]
    gradient: Regularizer


def seen_solve(case: Case, steps: int) -> SeenSolve:
    """Follow the solver for some steps, 2000 at most, and differentiate the case as it is measured."""
    inputs = cast(make_inputs(case.instance), case.instance.dtype)
    residuals = untimed(_residuals, static=(0, 2))(
        case.contestant.solver, lower_level(inputs, 0), min(steps, MOST)
    )
    return SeenSolve(residuals, untimed(solve_and_differentiate(case.contestant))(inputs).gradient)


def _residuals(solver: Solver, lower: LowerLevel, steps: int) -> Float[Array, " steps"]:
    first = solver.init(lower)

    def step(state: Any, _: None) -> tuple[Any, Float[Array, ""]]:
        state = solver.step(lower, state)
        return state, solver.residual(lower, state)

    _, seen = jax.lax.scan(step, first, length=steps)
    return jnp.concatenate([solver.residual(lower, first)[None], seen])
