"""Conformance of differentiation rules."""

import copy
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...hypergrad.hypergradient import Hypergradient, hypergradient
from ...hypergrad.method import AdjointMethod, Method
from ...hypergrad.rules.checked import Checked
from ...problems.lower_level import LowerLevel
from ...solvers.budget import Budget
from ...solvers.solver import Solver
from .. import contenders
from ..bench_traits import bench_traits_of
from .compiled import Compiled
from .finding import Finding, bounded, distance, is_reason, layout, leafwise_distance
from .small_problem import SmallProblem, in_single, outer
from .units import other_units

TO_TOLERANCE = Budget(max_steps=20_000, tolerance=1e-10, check_every=50)
A_FEW_STEPS = Budget(max_steps=5, tolerance=0.0)
LOOSELY = Budget(max_steps=5000, tolerance=1e-3, check_every=5)
SAME_SOLUTION = 1e-5
LINEAR = 1e-3
"""A gradient is linear in the loss: in float32, to what a linear solver's rounding makes of it."""
LOSS_SCALES = (1e-8, 1e8)
REPRODUCED = 0.1
"""Ways to run one method may differ by so much of what it is granted: linear solvers stop at a tolerance."""


_CONTENDERS = tuple(cls for cls in vars(contenders).values() if isinstance(cls, type))


class Posed(NamedTuple):
    """A lower level with the loss  scale * outer(x / unit)."""

    lower: LowerLevel
    scale: Float[Array, ""]
    unit: Float[Array, ""]


def posed(lower: LowerLevel, scale: float = 1.0, unit: float = 1.0) -> Posed:
    """Pose a lower level with the usual loss, or with a multiple of it, or for x in another unit."""
    dtype = lower.y.dtype
    return Posed(lower, jnp.asarray(scale, dtype), jnp.asarray(unit, dtype))


class Pair(NamedTuple):
    """A method, the solver that it differentiates, and the problem that is solved."""

    method: Method
    solver: Solver
    problem: SmallProblem

    @property
    def supported(self) -> bool:
        """Say whether the solver solves the problem and the method differentiates the solver."""
        lower = self.problem.lowers[0]
        return self.solver.supports(lower) is None and self.method.supports(self.solver, lower) is None

    @property
    def budget(self) -> Budget:
        """The budget within which the gradient must be right."""
        if self.method.traits.uses_every_step:
            return Budget(max_steps=self.problem.steps, tolerance=0.0)
        return TO_TOLERANCE

    @property
    def few(self) -> Budget:
        """A budget that is soon used up; a loose one for a rule that refuses what has not converged."""
        return LOOSELY if isinstance(self.method, Checked) else A_FEW_STEPS

    @property
    def exact(self) -> bool:
        """Say whether the method's gradient tends to the solution's."""
        return self.method.traits.exact

    @property
    def backward_is_its_own(self) -> bool:
        """Say whether the gradient follows from solution and loss alone, whichever solver found it.

        What such a rule does with the loss it does with every solver; one that is biased may read the
        solver's state, as SHINE does.
        """
        return self.exact and isinstance(self.method, AdjointMethod)

    @property
    def granted_error(self) -> float:
        """The relative error that an exact method is granted, in float64."""
        return bench_traits_of(self.method).granted_error

    @property
    def settings(self) -> tuple[Method, Solver, Budget]:
        """What is static under jit."""
        return self.method, self.solver, self.budget


def check_support(subject: str, pair: Pair) -> Iterator[Finding]:
    """Check that a method says whether it applies, in words where it does not."""
    reason = pair.method.supports(pair.solver, pair.problem.lowers[0])
    yield Finding(subject, "supports", is_reason(reason), f"it returns {reason!r}; None or a sentence is due")


def check_method(subject: str, pair: Pair, linearity: bool = True) -> Iterator[Finding]:
    """Check the hypergradient of a supported pair.

    Its layout and, unless inexact by design, its value; that it is linear in the loss, unless another pair
    has shown that; that units change nothing.
    """
    lower, other = pair.problem.lowers
    if linearity:
        yield from check_linearity(subject, pair)
    program = Compiled(_differentiate)
    found = program(pair.settings, posed(lower))
    same = type(found.gradient) is type(lower) and layout(found.gradient) == layout(lower)
    detail = "that of the lower level" if same else f"{found.gradient!r} for {lower!r}"
    yield Finding(subject, "gradient's layout", same, detail)
    bad = sum(int(jnp.sum(~jnp.isfinite(leaf))) for leaf in jax.tree.leaves(found.gradient))
    yield Finding(subject, "finite gradient", bad == 0, f"{bad} entries are NaN or infinite")
    yield bounded(subject, "value at the solution", distance(found.value, outer(found.solution.x)), 1e-12)
    yield from _check_against_reference(subject, pair, found)
    yield from _check_units(subject, pair, program)
    program(copy.deepcopy(pair.settings), posed(other))
    yield Finding(
        subject,
        "one trace",
        program.traces == 1,
        f"equal settings with new data made {program.traces} traces; 1 is expected",
    )


def check_transformations(subject: str, pair: Pair) -> Iterator[Finding]:
    """Check that `jax.grad` through the call, jit and vmap all give the same gradient."""
    method, solver, _ = pair.settings
    lower, tolerance = pair.problem.lowers[0], REPRODUCED * pair.granted_error
    program = Compiled(_differentiate)
    few = (method, solver, pair.few)
    # What an inexact rule returns can hang on how a converged state rounds, such as on its last restart.
    settings = pair.settings if pair.exact else few
    ends = [program(settings, posed(one)) for one in pair.problem.lowers]
    if isinstance(method, AdjointMethod):
        # For every other method the hypergradient is jax.grad through the call by definition.
        through = Compiled(_gradient_through_call)(settings, lower)
        yield bounded(
            subject, "jax.grad through the call", leafwise_distance(through, ends[0].gradient), tolerance
        )
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *pair.problem.lowers)
    batch = Compiled(_differentiate_batch)(settings, stacked)
    loop = jax.tree.map(lambda *leaves: jnp.stack(leaves), ends[0].gradient, ends[1].gradient)
    yield bounded(subject, "vmap equals a loop", leafwise_distance(batch, loop), tolerance)
    eager = _differentiate(*few, posed(lower)).gradient
    jitted = program(few, posed(lower)).gradient
    yield bounded(subject, "jit changes nothing", leafwise_distance(eager, jitted), tolerance)


def check_linearity(subject: str, pair: Pair) -> Iterator[Finding]:
    """Check in float32 that a loss times c has a gradient times c, after a few steps, and nothing is widened.

    A linear solve that begins at a guess of another size, or squares that are no numbers, would show. Where
    the account says that the adjoint equation was not solved, nothing is claimed; of another library's rule
    nothing is demanded, as its stopping rule is its own.
    """
    lower = in_single(pair.problem.lowers[0])
    if pair.solver.supports(lower) is not None or pair.method.supports(pair.solver, lower) is not None:
        return
    program, few = Compiled(_differentiate), (pair.method, pair.solver, pair.few)
    foreign = isinstance(pair.method, _CONTENDERS)
    found = (
        jax.eval_shape(partial(_differentiate, *few), posed(lower)) if foreign else program(few, posed(lower))
    )
    kept = layout(found.gradient) == layout(lower) and found.solution.x.dtype == lower.y.dtype
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves((found.value, found.gradient, found.solution.x))}
    yield Finding(subject, "keeps float32", kept, f"value, gradient and x hold {', '.join(sorted(dtypes))}")
    claimed = not foreign and (found.backward.converged is None or bool(found.backward.converged))
    for scale in LOSS_SCALES if claimed else ():
        scaled = program(few, posed(lower, scale)).gradient
        back = jax.tree.map(lambda leaf, scale=scale: np.asarray(leaf, np.float64) / scale, scaled)
        error = leafwise_distance(back, found.gradient)
        yield bounded(subject, f"linear in the loss, times {scale:g}", error, LINEAR)


def _check_units(subject: str, pair: Pair, program: Compiled) -> Iterator[Finding]:
    """Check that the same problem in other units of A, y and W has the same end and the same gradient.

    After a few steps for a rule that is inexact: at a converged state its gradient can hang on rounding.
    """
    if isinstance(pair.method, _CONTENDERS):
        return
    lower, settings = pair.problem.lowers[0], pair.settings
    if not pair.exact:
        program, settings = Compiled(_differentiate), (pair.method, pair.solver, pair.few)
    found = program(settings, posed(lower))
    for units in other_units(lower):
        moved = program(settings, posed(units.lower(lower), unit=units.x))
        same = int(moved.solution.status) == int(found.solution.status)
        detail = f"{int(moved.solution.status)} instead of {int(found.solution.status)}"
        yield Finding(subject, f"same status, {units.name}", same, detail)
        away = distance(moved.solution.x / units.x, found.solution.x)
        yield bounded(subject, f"same solution, {units.name}", away, SAME_SOLUTION)
        error = leafwise_distance(units.gradient_back(moved.gradient), found.gradient)
        yield bounded(subject, f"same gradient, {units.name}", error, max(pair.granted_error, SAME_SOLUTION))


def _check_against_reference(subject: str, pair: Pair, found: Hypergradient) -> Iterator[Finding]:
    known = pair.problem.reference
    if known is None or not pair.exact:
        return
    # A nonconvex energy can have several stationary points: a gradient is only right at its own.
    yield bounded(subject, "same solution", distance(found.solution.x, known.x), SAME_SOLUTION)
    error = leafwise_distance(found.gradient, known.gradient)
    yield bounded(subject, "hypergradient", error, pair.granted_error)


def _differentiate(method: Method, solver: Solver, budget: Budget, problem: Posed) -> Hypergradient:
    def loss(x: Float[Array, "..."]) -> Float[Array, ""]:
        return problem.scale * outer(x / problem.unit)

    found = hypergradient(method, solver, budget, problem.lower, loss)
    return found._replace(solution=found.solution._replace(state=None))


def _differentiate_batch(method: Method, solver: Solver, budget: Budget, lowers: LowerLevel) -> LowerLevel:
    return jax.vmap(lambda lower: _differentiate(method, solver, budget, posed(lower)))(lowers).gradient


def _gradient_through_call(method: Method, solver: Solver, budget: Budget, lower: LowerLevel) -> LowerLevel:
    def loss(lower: LowerLevel) -> Array:
        return outer(method(solver, budget, lower).x)

    return jax.grad(loss)(lower)
