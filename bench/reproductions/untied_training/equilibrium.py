"""Equilibria of a batch of measurements, and the gradient of their error by the weights that they share."""

import dataclasses
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad.adjoint_equation import contraction_of, of_fixed_point
from ....hypergrad.solved import Solved
from ....hypergrad.step_map import flat_step_map
from ....problems import LowerLevel
from ....problems.linear_operator import LinearOperator
from ....problems.regularizer import Regularizer
from ....problems.values.pytree import pytree, static
from ....solvers import Anderson, AndersonRichardson, Budget, Picard, Richardson, Solution, solve
from ....solvers.fixed_point_map import map_step_size
from ....solvers.linear.linear_solver import LinearSolution
from ....solvers.solver import Outcome


class SharedWeights(NamedTuple):
    """What is learned: A, C and b; None for C where it is tied to A."""

    analysis: Float[Array, "k ..."]
    synthesis: Float[Array, "k ..."] | None
    biases: Float[Array, " k"]

    @property
    def mapping_back(self) -> Float[Array, "k ..."]:
        """C, or A in its place."""
        return self.analysis if self.synthesis is None else self.synthesis


@runtime_checkable
class ExpertKind(Protocol):
    """Makes the operator  gamma C^T sigma(A x + b)  of weights."""

    def regularizer(self, weights: SharedWeights, gamma: Float[Array, ""]) -> Regularizer:
        """Return it."""
        ...


class Ways(NamedTuple):
    """How equilibria and their adjoints are computed; the solver's step size is the model's."""

    solver: Anderson | Picard
    budget: Budget
    adjoint: AndersonRichardson | Richardson


class MeasuredImages(NamedTuple):
    """Ground truths and their measurements."""

    truths: Float[Array, "count ..."]
    y: Float[Array, "count ..."]


@pytree
class EquilibriumModel:
    """The fixed points  x = x - tau (K^T (K x - y) + gamma C^T sigma(A x + b)).

    Args:
        K: linear operator from the image to the measurement.
        gamma: weight of the experts.
        tau: step size; the fixed points do not depend on it, what it takes to find them does.
        kind: of experts; static.
        ways: static.
    """

    K: LinearOperator
    gamma: Float[Array, ""]
    tau: Float[Array, ""]
    kind: ExpertKind = static()
    ways: Ways = static()

    def lower(self, weights: SharedWeights, y: Float[Array, "..."]) -> LowerLevel:
        """Return the lower level of one measurement."""
        return LowerLevel(self.K, y, self.kind.regularizer(weights, self.gamma))

    def solver(self, lower: LowerLevel) -> Anderson | Picard:
        """Return the solver with the model's tau, which solvers have over 1/L."""
        scale = jax.lax.stop_gradient(self.tau / map_step_size(lower, 1.0))
        return dataclasses.replace(self.ways.solver, step_scale=scale)


class SolveAccount(NamedTuple):
    """How the solves of a batch ended, one number for each member.

    Attributes:
        outcome: an `Outcome` of the forward solve.
        steps: of it.
        residual: of it, relative.
        adjoint_steps: of the adjoint's iteration.
        adjoint_residual: relative.
        adjoint_converged: whether it reached its tolerance.
    """

    outcome: Int[Array, "*batch"]
    steps: Int[Array, "*batch"]
    residual: Float[Array, "*batch"]
    adjoint_steps: Int[Array, "*batch"]
    adjoint_residual: Float[Array, "*batch"]
    adjoint_converged: Bool[Array, "*batch"]

    @property
    def solved(self) -> Bool[Array, "*batch"]:
        """Which members have an equilibrium and an adjoint, both to their tolerance."""
        return (self.outcome == int(Outcome.CONVERGED)) & self.adjoint_converged

    @property
    def stopped(self) -> Bool[Array | np.ndarray, "*batch"]:
        """Which members' solves stopped at their limit."""
        return self.outcome == int(Outcome.MAX_STEPS)

    @property
    def adjoint_stopped(self) -> Bool[Array | np.ndarray, "*batch"]:
        """Which members' adjoints did; a residual above one is of one that went away."""
        return ~self.adjoint_converged & (self.adjoint_residual <= 1)

    @property
    def diverged(self) -> Bool[Array | np.ndarray, "*batch"]:
        """Which members have iterates that went away; an adjoint of zeros has a residual of one."""
        stayed = (self.outcome == int(Outcome.CONVERGED)) | self.stopped
        # NaN compares false.
        return ~(stayed & (self.adjoint_residual <= 1))


class BatchGradient(NamedTuple):
    """The mean squared error of a batch, its gradient by the weights, and how every member's solves ended."""

    loss: Float[Array, ""]
    gradient: SharedWeights
    account: SolveAccount


class _Member(NamedTuple):
    squared_error: Float[Array, ""]
    adjoint: LinearSolution


def equilibrium(model: EquilibriumModel, weights: SharedWeights, y: Float[Array, "..."]) -> Solution:
    """Solve for the fixed point of one measurement.

    Under `vmap` a batch goes on until its slowest member is done; members that are done stay as they are.
    """
    lower = model.lower(weights, y)
    return solve(model.solver(lower), model.ways.budget, lower)


def batch_equilibria(
    model: EquilibriumModel, weights: SharedWeights, y: Float[Array, "count ..."]
) -> Solution:
    """Solve for the fixed points of a batch, all fields with a leading axis of members."""
    return jax.vmap(partial(equilibrium, model, weights))(y)


def differentiate(model: EquilibriumModel, weights: SharedWeights, batch: MeasuredImages) -> BatchGradient:
    """Solve for the fixed points of a batch and differentiate their mean squared error by the weights."""
    return look_back(model, weights, batch, batch_equilibria(model, weights, batch.y))


def look_back(
    model: EquilibriumModel, weights: SharedWeights, batch: MeasuredImages, solution: Solution
) -> BatchGradient:
    """Differentiate the mean squared error at fixed points implicitly: w = (I - J^T)^{-1} g, one product.

    The adjoints of all members are solved for first. What they are paired with, sum_b <w_b, T(x_b, theta)>,
    is differentiated by the weights for all together, as one matrix product; each by itself would store a
    gradient for each.
    """
    found = jax.vmap(partial(_member, model, weights))(batch.truths, batch.y, solution)
    adjoint = found.adjoint
    assert adjoint.converged is not None

    def paired(weights: SharedWeights) -> Float[Array, ""]:
        return jnp.mean(jax.vmap(partial(_pairing, model, weights))(batch.y, solution, adjoint.value))

    account = SolveAccount(
        solution.status,
        solution.steps,
        solution.residual,
        adjoint.steps,
        adjoint.residual,
        adjoint.converged,
    )
    return BatchGradient(jnp.mean(found.squared_error), jax.grad(paired)(weights), account)


def contraction(
    model: EquilibriumModel, weights: SharedWeights, batch: MeasuredImages
) -> Float[Array, " batch"]:
    """Estimate the map's contraction factor at each equilibrium, by products with its transposed Jacobian."""

    def one(truth: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, ""]:
        solution = equilibrium(model, weights, y)
        return contraction_of(of_fixed_point(_solved(model, weights, y, solution), solution.x - truth))

    return jax.vmap(one)(batch.truths, batch.y)


def _member(
    model: EquilibriumModel,
    weights: SharedWeights,
    truth: Float[Array, "..."],
    y: Float[Array, "..."],
    solution: Solution,
) -> _Member:
    error, cotangent = jax.value_and_grad(lambda x: jnp.mean(jnp.square(x - truth)))(solution.x)
    equation = of_fixed_point(_solved(model, weights, y, solution), cotangent)
    return _Member(error, model.ways.adjoint.solve_linear(equation.matvec, equation.rhs))


def _pairing(
    model: EquilibriumModel,
    weights: SharedWeights,
    y: Float[Array, "..."],
    solution: Solution,
    adjoint: Float[Array, " n"],
) -> Float[Array, ""]:
    lower = model.lower(weights, y)
    step = flat_step_map(model.solver(lower), lower, solution.state)
    return jnp.vdot(adjoint, step.advance(lower, step.point))


def _solved(
    model: EquilibriumModel, weights: SharedWeights, y: Float[Array, "..."], solution: Solution
) -> Solved:
    lower = model.lower(weights, y)
    return Solved(model.solver(lower), model.ways.budget, lower, solution)
