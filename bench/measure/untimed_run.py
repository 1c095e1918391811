"""What one untimed run of a contestant gave: its numbers, and the status that follows from them."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Shaped

from ...hypergrad.method import Backward
from ...solvers.solver import Outcome
from ..grid.inputs import Inputs
from ..records.status import Status
from .account import largest_known
from .accuracy import flatten
from .bound_program import BoundPrograms
from .programs import DifferentiatedSolve


@dataclass(frozen=True)
class UntimedRun:
    """What one untimed run of a contestant gave, or why it gave nothing."""

    status: Status
    reason: str = ""
    programs: BoundPrograms | None = None
    differentiated: DifferentiatedSolve | None = None
    backward: Backward | None = None
    exact: Any = None
    retraces: int | None = None
    route: str = ""


def status_of(differentiated: DifferentiatedSolve, backward: Backward | None = None) -> tuple[Status, str]:
    """Return the worst outcome of the batch and its reason; a gradient that is not finite counts as such.

    Args:
        differentiated: a solve with its gradient.
        backward: what the backward pass knows of itself, of rules that have one.
    """
    outcomes = np.asarray(differentiated.solution.status)
    strangers = sorted(set(outcomes.ravel().tolist()) - set(Outcome))
    if strangers:
        return (
            Status.FAILED,
            f"the status {strangers[0]!r} of a solution is none of the outcomes 0 to {max(Outcome)}",
        )
    outside = int((outcomes == Outcome.OUT_OF_RANGE).sum())
    if outside:
        return Status.OUT_OF_RANGE, f"a parameter is out of its range in {outside} of {outcomes.size} solves"
    if (outcomes == Outcome.NOT_FINITE).any() or not np.isfinite(differentiated.solution.x).all():
        return Status.NOT_FINITE, "the solution is not finite"
    diverged = int((outcomes == Outcome.DIVERGED).sum())
    if diverged:
        return Status.DIVERGED, f"{diverged} of {outcomes.size} solves diverged{_factor(differentiated)}"
    if not np.isfinite(flatten(differentiated.gradient)).all():
        return Status.NOT_FINITE, "the hypergradient is not finite"
    if not np.isfinite(np.asarray(differentiated.solution.residual)[outcomes == Outcome.CONVERGED]).all():
        return Status.NOT_FINITE, "the residual of a solve that says it converged is not finite"
    missed = int((outcomes == Outcome.MAX_STEPS).sum())
    if missed:
        return Status.MAX_STEPS, f"{missed} of {outcomes.size} solves ended above the tolerance"
    if backward is None or backward.converged is None or np.all(backward.converged):
        return Status.OK, ""
    unsolved, residual = int(np.sum(~np.asarray(backward.converged))), np.max(np.asarray(backward.residual))
    return (
        Status.ADJOINT_MISSED,
        f"{unsolved} of {outcomes.size} adjoint equations were not solved: relative residual {residual:.1e}",
    )


def _factor(differentiated: DifferentiatedSolve) -> str:
    """Say by how much the residual grew per step, where that is known."""
    contraction = differentiated.solution.contraction
    largest = None if contraction is None else largest_known(contraction)
    return "" if largest is None else f": the residual grew by a factor of {largest:.3g} per step"


def arrays_of(run: UntimedRun, inputs: Inputs) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Return solution, hypergradient and inputs by name, for `.npz`."""
    if run.differentiated is None:
        return {}
    trees = {"x": run.differentiated.solution.x, "gradient": run.differentiated.gradient, "inputs": inputs}
    return {
        name + jax.tree_util.keystr(path): np.asarray(leaf)
        for name, tree in trees.items()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
