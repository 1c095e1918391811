"""A small smooth lower level with everything about it dense: the Hessian, a step's Jacobian, the adjoint."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hypergrad_bench.hypergrad import ForwardMode, Solved
from hypergrad_bench.problems import Denoising, FieldsOfExperts, LowerLevel, Photographs, Task, measure
from hypergrad_bench.solvers import Budget, Nesterov, Solution, Solver, solve

# Programs that run once or twice: half the compile time is worth a slower program.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def flat(tree: Any) -> np.ndarray:
    """All leaves as one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def error(found: Any, exact: Any) -> float:
    """Relative distance of two trees."""
    return float(np.linalg.norm(flat(found) - flat(exact)) / np.linalg.norm(flat(exact)))


def rate(counts: Any, errors: Any) -> float:
    """The factor r of errors that fall like r^count, by a straight line through their logarithms."""
    assert np.all(np.diff(errors) < 0), errors
    return float(np.exp(np.polyfit(np.asarray(counts), np.log(np.asarray(errors)), 1)[0]))


def experts(task: Task, shape: tuple[int, int] = (5, 5), seed: int = 0) -> LowerLevel:
    """A crop of a photograph with the fields of experts with which training starts."""
    A, y = measure(task, Photographs().sample(shape, 1, seed), seed)
    return LowerLevel(A, y[0], FieldsOfExperts.initial(shape, seed))


class Smooth:
    """Denoising by fields of experts, its solution to rounding and the exact hypergradient of <g, x>."""

    def __init__(self, solver: Solver) -> None:
        self.lower = experts(Denoising())
        self.solution = solve_exactly(solver, self.lower)
        x = self.solution.x
        size = x.size
        self.hessian = np.reshape(jax.hessian(self.lower.value)(x), (size, size))
        self.tau = 1 / (1 + float(self.lower.regularizer.lipschitz(x.shape)))
        self.jacobian = np.eye(size) - self.tau * self.hessian
        self.rho = float(np.abs(np.linalg.eigvalsh(self.jacobian)).max())
        # The slowest mode is the constant image: the cotangent must have its share of it.
        self.g = 1 + np.random.default_rng(1).normal(size=x.shape)
        self.adjoint = np.linalg.solve(self.hessian, self.g.ravel()).reshape(x.shape)
        self.exact = self.paired(self.adjoint)

    def paired(self, v: np.ndarray) -> LowerLevel:
        """The cotangent of the lower level that belongs to an adjoint v."""
        x = self.solution.x
        return jax.grad(lambda lower: -jnp.vdot(jnp.asarray(v), lower.gradient(x)))(self.lower)

    def backward(self, method: Any, solver: Solver, **options: Any) -> Any:
        """What a method's backward pass makes of g at the solution."""
        run = compiled(
            lambda lower, solution, g: method.backward(
                Solved(solver, Budget(), lower, solution), g, **options
            )
        )
        return run(self.lower, self.solution, jnp.asarray(self.g))


def solve_exactly(solver: Solver, lower: LowerLevel) -> Solution:
    """The solution to rounding, and a state of the solver there."""
    found = compiled(lambda lower: solve(solver, Budget(50_000, 1e-15, 50), lower))(lower)
    assert float(found.residual) < 1e-13
    return found


def gradient(method: Any, solver: Solver, budget: Budget, lower: LowerLevel) -> np.ndarray:
    """The gradient of |x - 0.3|^2 by the regulariser, through the method's call."""

    def loss(regularizer: Any) -> jax.Array:
        return jnp.sum((method(solver, budget, lower.replace(regularizer=regularizer)).x - 0.3) ** 2)

    # A tangent for every parameter runs longer than it compiles.
    level = int(isinstance(method, ForwardMode))
    options = {"xla_backend_optimization_level": level}
    return flat(jax.jit(jax.grad(loss), compiler_options=options)(lower.regularizer))


def exact_gradient(lower: LowerLevel) -> np.ndarray:
    """The same of a smooth energy, from a dense solve at the solution to rounding."""
    x = solve_exactly(Nesterov(), lower).x
    hessian = np.reshape(jax.hessian(lower.value)(x), (x.size, x.size))
    v = jnp.asarray(np.linalg.solve(hessian, 2 * np.ravel(x - 0.3)).reshape(x.shape))
    return flat(
        jax.grad(lambda theta: -jnp.vdot(v, lower.replace(regularizer=theta).gradient(x)))(lower.regularizer)
    )
