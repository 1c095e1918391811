"""This project's contestants of BLORC's timing experiment: what is compiled, and how long unrolling is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64

from ....hypergrad import ClosedForm, OneStep, Unrolled
from ....solvers import Budget, DualFista, Solution, solve
from ...measure.program import Compiler, Program
from ...measure.untimed import untimed
from ..cvxpy_denoising import THRESHOLD
from ..relative_error import relative_error
from .methods import ImplicitCg, QrExpression, SvdExpression
from .problem import BUDGET, ExactGradient, Signal, lower_level

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


class OwnContestant(NamedTuple):
    """The forward solve as one of ours does it, and the solve that its derivative is taken of."""

    name: str
    setting: str
    forward: Solve
    differentiable: Solve
    budget: Budget = BUDGET


class CompiledContestant(NamedTuple):
    """The forward solve, and solve with gradient, of the same problem."""

    solve: Program
    total: Program


def our_contestants(signal: Signal, reference: ExactGradient) -> list[OwnContestant]:
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
    same_forward = [OwnContestant(name, setting, solve, method) for name, method in shared]
    steps = enough_steps(signal, reference)
    unrolled = OwnContestant(UNROLLED, f"{steps} steps", Unrolled(), Unrolled(), _exactly(steps))
    return [*same_forward[:3], unrolled, *same_forward[3:]]


def compiled(contestant: OwnContestant, signal: Signal, compiler: Compiler) -> CompiledContestant:
    """Compile a contestant's two programs, functions of the problem's arrays."""
    name = f"{contestant.name}, n = {signal.y.size}"
    functions: Sequence[Callable[..., Any]] = (_forward(contestant), _with_gradient(contestant))
    return CompiledContestant(
        *(compiler.compile_program(function, signal, name=name) for function in functions)
    )


def gradient_of(contestant: OwnContestant, signal: Signal) -> Float64[np.ndarray, "n n"]:
    """Return the gradient by W, outside any clock."""
    return np.asarray(untimed(_with_gradient(contestant))(signal)[1])


def enough_steps(signal: Signal, reference: ExactGradient) -> int:
    """Double the unrolled steps until the gradient's error is at most 1e-6, or 10,000 steps are reached."""
    steps = FIRST_STEPS
    while steps < MOST_STEPS:
        tried = OwnContestant(UNROLLED, "", Unrolled(), Unrolled(), _exactly(steps))
        if relative_error(gradient_of(tried, signal), reference.gradient) <= ACCURATE:
            return steps
        steps *= 2
    return MOST_STEPS


def _exactly(steps: int) -> Budget:
    return Budget(max_steps=steps, tolerance=0.0)


def _forward(contestant: OwnContestant) -> Callable[[Signal], Array]:
    def forward(signal: Signal) -> Array:
        return contestant.forward(DualFista(), contestant.budget, lower_level(signal)).x

    return forward


def _with_gradient(contestant: OwnContestant) -> Callable[[Signal], tuple[Array, Array]]:
    def with_gradient(signal: Signal) -> tuple[Array, Array]:
        def loss(W: Array) -> Array:
            lower = lower_level(signal._replace(W=W))
            x = contestant.differentiable(DualFista(), contestant.budget, lower).x
            return jnp.mean(jnp.square(x - signal.truth))

        return jax.value_and_grad(loss)(signal.W)

    return with_gradient
