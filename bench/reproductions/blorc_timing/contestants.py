"""This project's contestants of BLORC's timing experiment: what is compiled, and how long unrolling is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import ClosedForm, OneStep, Unrolled
from ....solvers import Budget, DualFista, Solution, solve
from ...measure.program import Compiler, Program
from .methods import ImplicitCg, QrExpression, SvdExpression
from .problem import BUDGET, THRESHOLD, Problem, Reference, lower_level, relative_error

Solve = Callable[..., Solution]

CLOSED_FORM = "closed form"
SVD_EXPRESSION = "autodiff of the expression (SVD)"
QR_EXPRESSION = "autodiff of the expression (QR)"
UNROLLED = "unrolled"
IMPLICIT_CG = "implicit CG"
ONE_STEP = "one-step"
ACCURATE = 1e-6
"""The relative error of the gradient at which contestants are compared."""
FIRST_STEPS, MOST_STEPS = 10, 10_000


class Contestant(NamedTuple):
    """The forward solve as a contestant does it, and the solve that its derivative is taken of."""

    name: str
    setting: str
    forward: Solve
    differentiable: Solve
    budget: Budget = BUDGET


class Programs(NamedTuple):
    """The forward solve, and solve with gradient, of the same problem."""

    solve: Program
    total: Program


def our_contestants(problem: Problem, reference: Reference) -> list[Contestant]:
    """Return all of them; the closed form, to which the others are compared, comes first."""
    active = tuple(np.flatnonzero(reference.active).tolist())
    shared = [
        (CLOSED_FORM, ClosedForm(THRESHOLD)),
        (SVD_EXPRESSION, SvdExpression(active)),
        (QR_EXPRESSION, QrExpression(active)),
        (IMPLICIT_CG, ImplicitCg()),
        (ONE_STEP, OneStep()),
    ]
    setting = f"tolerance {BUDGET.tolerance:g}"
    same_forward = [Contestant(name, setting, solve, method) for name, method in shared]
    steps = enough_steps(problem, reference)
    unrolled = Contestant(UNROLLED, f"{steps} steps", Unrolled(), Unrolled(), _exactly(steps))
    return [*same_forward[:3], unrolled, *same_forward[3:]]


def compiled(contestant: Contestant, problem: Problem, compiler: Compiler) -> Programs:
    """Compile a contestant's two programs, functions of the problem's arrays."""
    name = f"{contestant.name}, n = {problem.y.size}"
    functions: Sequence[Callable[..., Any]] = (_forward(contestant), _with_gradient(contestant))
    return Programs(*(compiler.compile_program(function, problem, name=name) for function in functions))


def gradient_of(contestant: Contestant, problem: Problem) -> np.ndarray:
    """Return the gradient by W, outside any clock."""
    return np.asarray(jax.jit(_with_gradient(contestant))(problem)[1])


def enough_steps(problem: Problem, reference: Reference) -> int:
    """Double the unrolled steps until the gradient's error is at most 1e-6, or 10,000 steps are reached."""
    steps = FIRST_STEPS
    while steps < MOST_STEPS:
        tried = Contestant(UNROLLED, "", Unrolled(), Unrolled(), _exactly(steps))
        if relative_error(gradient_of(tried, problem), reference.gradient) <= ACCURATE:
            return steps
        steps *= 2
    return MOST_STEPS


def _exactly(steps: int) -> Budget:
    return Budget(max_steps=steps, tolerance=0.0)


def _forward(contestant: Contestant) -> Callable[[Problem], Array]:
    def forward(problem: Problem) -> Array:
        return contestant.forward(DualFista(), contestant.budget, lower_level(problem)).x

    return forward


def _with_gradient(contestant: Contestant) -> Callable[[Problem], tuple[Array, Array]]:
    def with_gradient(problem: Problem) -> tuple[Array, Array]:
        def loss(W: Array) -> Array:
            lower = lower_level(problem._replace(W=W))
            x = contestant.differentiable(DualFista(), contestant.budget, lower).x
            return jnp.mean(jnp.square(x - problem.truth))

        return jax.value_and_grad(loss)(problem.W)

    return with_gradient
