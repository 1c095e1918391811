"""Our ways to form the gradient, and the exact one."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import Backward, Hypergradient, Implicit, OneStep, hypergradient
from ....hypergrad.method import Method
from ....problems import FieldsOfExperts, LowerLevel
from ....solvers import Budget, Cg, GradientDescent, Nesterov, Richardson, Solution, solve
from ....solvers.solver import Solver
from ...measure.outcome_status import status_of
from ...measure.program import Compiler, Program
from ...measure.untimed import untimed
from ...records.status import Status
from ..training_pair import TrainingPair
from .problem import DeqBatch

TOLERANCES, QUICK_TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5), ()


class Way(NamedTuple):
    """How we form the gradient."""

    solver: Solver
    budget: Budget
    method: Method


def ways(steps: int, tolerances: Sequence[float]) -> dict[str, Way]:
    """Return deepinv's own iterations both ways, one step of them backward, and others to tolerances."""
    same = Budget(steps, 0.0, steps)
    return {
        "the same iterations": Way(GradientDescent(), same, Implicit(Richardson(steps), on="fixed-point")),
        "one step": Way(GradientDescent(), same, OneStep()),
        **{
            f"Nesterov and conjugate gradients to {one:.0e}": Way(
                Nesterov(), Budget(1000, one), Implicit(Cg(1000, one))
            )
            for one in tolerances
        },
    }


class DeqGradient(NamedTuple):
    """Each image's solution and account, and the gradient of the batch's loss by the regulariser."""

    solution: Solution
    backward: Backward
    regularizer: FieldsOfExperts


class OurStep(NamedTuple):
    """Our two programs of one way, on a batch."""

    way: Way
    batch: DeqBatch
    forward_program: Program
    gradient_program: Program

    @classmethod
    def compiled(cls, way: Way, batch: DeqBatch) -> "OurStep":
        """Compile both for a batch."""
        compiler = Compiler()

        def solved(batch: DeqBatch) -> Solution:
            def of_image(y: Float[Array, "h w"]) -> Solution:
                return solve(way.solver, way.budget, LowerLevel(batch.A, y, batch.regularizer))

            return jax.vmap(of_image)(batch.y)

        def differentiated(batch: DeqBatch) -> DeqGradient:
            return _differentiated(way, batch)

        return cls(
            way,
            batch,
            compiler.compile_program(solved, batch, name="forward"),
            compiler.compile_program(differentiated, batch, name="forward and backward"),
        )

    def forward(self) -> Solution:
        """Solve."""
        return self.forward_program(self.batch)

    def gradient(self) -> DeqGradient:
        """Solve and differentiate."""
        return self.gradient_program(self.batch)

    def found(self) -> Float[np.ndarray, " parameters"]:
        """Return the gradient by filters and weights."""
        return _as_vector(self.gradient())

    def status(self) -> tuple[Status, str]:
        """Tell whether tolerances were reached; of iterations whose number is fixed none was asked for."""
        found = self.gradient()
        if self.way.budget.tolerance == 0:
            return Status.OK, ""
        statuses = [status_of(one) for one in np.asarray(found.solution.status)]
        worst = next((one for one in statuses if one is not Status.OK), Status.OK)
        assert found.backward.converged is not None
        if worst is Status.OK and not bool(jnp.all(found.backward.converged)):
            worst = Status.ADJOINT_MISSED
        return worst, "" if worst is Status.OK else worst.sentence


def _differentiated(way: Way, batch: DeqBatch) -> DeqGradient:
    """Solve each image, and differentiate the mean squared error of all: the mean of theirs."""

    def of_pair(y: Float[Array, "h w"], truth: Float[Array, "h w"]) -> Hypergradient:
        pair = TrainingPair(LowerLevel(batch.A, y, batch.regularizer), truth)
        return hypergradient(way.method, way.solver, way.budget, pair.lower, pair.loss)

    found = jax.vmap(of_pair)(batch.y, batch.truth)
    of_batch = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found.gradient.regularizer)
    return DeqGradient(found.solution, found.backward, of_batch)


def _as_vector(found: DeqGradient) -> Float[np.ndarray, " parameters"]:
    leaves = jax.tree.leaves(found.regularizer)
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in leaves])


def exact_gradient(batch: DeqBatch) -> tuple[Float[np.ndarray, " parameters"], float]:
    """Return the gradient of tight solves and adjoints in float64, and the largest of their residuals."""
    way = Way(Nesterov(), Budget(20_000, 1e-12), Implicit(Cg(2000, 1e-12)))
    found = untimed(_differentiated, static=(0,))(way, batch)
    assert found.backward.residual is not None
    residual = max(float(jnp.max(found.solution.residual)), float(jnp.max(found.backward.residual)))
    return _as_vector(found), residual
