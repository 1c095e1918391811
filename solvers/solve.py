"""The driver of every solver: it alone stops and counts."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..problems.arrays.mesh_axes import differing_as, require_automatic_axes
from ..problems.arrays.one_dtype import require_one_dtype
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import PreparedRegularizer, in_range
from ..problems.values.settings import Frame, split
from ..problems.values.traits import require_traits
from .analysis_l1_problem import DualSolver, PrimalDualPair, supports_analysis
from .batching import one_at_a_time
from .budget import Budget
from .certificate import Certificate, CertifyingSolver, certify
from .progress import Progress, has_diverged, has_grown, looked, started, unseen
from .solver import MapSolver, Outcome, PointSolver, Solution, Solver, StartPoint
from .solver_traits import SolverTraits


def solve(solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None) -> Solution:
    """Iterate until the relative residual is at most the tolerance, has grown, or the steps are used up.

    It ends as diverged where the residual is 10,000 times the smallest one that was seen, or where a solver
    of a fixed-point map leaves the numbers though its start was finite.

    Composes with `jit` and `vmap`: a batch runs until its slowest member is done, members that are done stay
    as they are. Of solvers whose traits say `one_at_a_time` the members then follow each other, each with its
    own number of steps; `jax.lax.map` does the same for any solver, and pays where members differ much.
    Inside `jax.shard_map` each device has a loop of its own.

    It is not differentiated: reverse mode cannot cross its loop, and tangents through the iterations are
    those of where they stopped, none at all from a start at the solution. The rules of
    `hypergrad_bench.hypergrad` are for that; `Unrolled` differentiates iterations.

    Args:
        solver: the iteration.
        budget: how long it may run.
        lower: the problem.
        start: where to begin, such as at the solution of a problem nearby: a pair for solvers with a dual
            variable, x alone for those that can begin at a point; their own start otherwise.

    Raises:
        ValueError: if the solver does not support the lower level, or cannot start there.
        TypeError: if an array among the settings has another dtype than the lower level; if the solver says
            no traits; when differentiated.
    """
    require_traits(solver, SolverTraits)
    reason = solver.supports(lower)
    if reason is not None:
        raise ValueError(f"{solver!r} cannot solve this lower level: {reason}")
    require_one_dtype({"solver": solver, "budget": budget, "lower": lower, "start": start}, "a solve")
    require_automatic_axes((lower, start), "a solve")
    frame, arrays = split(solver, budget)
    return _without_derivative(frame, arrays, lower, start)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _without_derivative(
    frame: Frame, arrays: list[Any], lower: LowerLevel, start: StartPoint | None
) -> Solution:
    run = functools.partial(_solve, frame)
    if frame.filled(arrays)[0].traits.one_at_a_time:
        run = one_at_a_time(run)
    return run(arrays, lower, start)


@_without_derivative.defjvp
def _refuse(frame: Frame, primals: Any, tangents: Any) -> Any:
    del primals, tangents
    solver = frame.filled([None] * len(frame.names))[0]
    raise TypeError(
        f"solve with {type(solver).__name__} is not differentiated: call a rule of "
        "hypergrad_bench.hypergrad in its place, such as Implicit()(solver, budget, lower) or ClosedForm(), "
        "for the derivative of the solution; Unrolled() for that of the iterations, forward mode (jax.jvp) "
        "too; or wrap the lower level in jax.lax.stop_gradient"
    )


def _solve(frame: Frame, arrays: list[Any], lower: LowerLevel, start: StartPoint | None) -> Solution:
    solver, budget = frame.filled(arrays)
    lower = _prepared(lower)
    every = steps_between_looks(solver, budget)
    checked_steps = budget.max_steps - budget.max_steps % every

    def running(carry: tuple[Any, Any, Progress]) -> Any:
        _, steps, progress = carry
        return _unfinished(budget, progress) & (steps < checked_steps)

    def advance(carry: tuple[Any, Any, Progress]) -> tuple[Any, Any, Progress]:
        state, steps, progress = carry
        state = run_steps(solver, lower, state, every)
        return state, steps + every, looked(progress, solver.residual(lower, state), every)

    first = first_state(solver, lower, start)
    carry = (first, jnp.zeros((), jnp.int32), _begun(solver, lower, first))
    carry = differing_as(carry, (arrays, lower, first))
    state, steps, progress = jax.lax.while_loop(running, advance, carry)
    rest = budget.max_steps - checked_steps
    if rest:
        last = run_steps(solver, lower, state, rest)
        unfinished = _unfinished(budget, progress)
        state = jax.tree.map(lambda new, old: jnp.where(unfinished, new, old), last, state)
        steps = jnp.where(unfinished, steps + rest, steps)
        end = looked(progress, solver.residual(lower, state), rest)
        progress = jax.tree.map(lambda new, old: jnp.where(unfinished, new, old), end, progress)
    solution = finish(
        budget,
        lower,
        solver.iterate(lower, state),
        Ended(state, steps, progress.residual),
        certificate_of(solver, lower, state),
    )
    return _with_progress(solver, solution, progress)


def _prepared(lower: LowerLevel) -> LowerLevel:
    """Compute what depends on the parameters alone: the compiler leaves transforms of filters in the loop."""
    if not isinstance(lower.regularizer, PreparedRegularizer):
        return lower
    return lower.replace(regularizer=lower.regularizer.prepared())


def _begun(solver: Solver, lower: LowerLevel, first: Any) -> Progress:
    """Look at the start of solvers whose map may not contract; of others its residual is not computed."""
    if isinstance(solver, MapSolver):
        return started(solver.residual(lower, first))
    return unseen(jax.eval_shape(solver.residual, lower, first).dtype)


def _with_progress(solver: Solver, solution: Solution, progress: Progress) -> Solution:
    """Add what the residuals told: whether the solve diverged, and a map's contraction factor."""
    said = (solution.status == int(Outcome.CONVERGED)) | (solution.status == int(Outcome.OUT_OF_RANGE))
    diverged = has_diverged(progress) & ~said
    status = jnp.where(diverged, int(Outcome.DIVERGED), solution.status).astype(jnp.int32)
    contraction = progress.contraction if isinstance(solver, MapSolver) else None
    return solution._replace(status=status, contraction=contraction)


def steps_between_looks(solver: Solver, budget: Budget) -> int:
    """Return after how many steps the residual is looked at: the budget says it, unless the solver does."""
    if solver.traits.checks_every_step:
        return 1
    return min(budget.check_every, budget.max_steps)


def run_steps(solver: Solver, lower: LowerLevel, state: Any, count: int) -> Any:
    """Make `count` iterations, a fixed number, so that every kind of differentiation can cross them."""
    state = differing_as(state, (lower, state))
    return jax.lax.scan(lambda state, _: (solver.step(lower, state), None), state, length=count)[0]


def first_state(solver: Solver, lower: LowerLevel, start: StartPoint | None) -> Any:
    """Make a solver's first state, from a start if there is one.

    Raises:
        ValueError: if the solver has no dual variable to start from, or cannot begin at a point.
        TypeError: if an array among the solver's settings has another dtype than the lower level.
    """
    require_one_dtype({"solver": solver, "lower": lower, "start": start}, "a solve")
    state = _begin(solver, lower, start)
    return differing_as(state, (lower, state))


def _begin(solver: Solver, lower: LowerLevel, start: StartPoint | None) -> Any:
    if start is None:
        return solver.init(lower)
    if isinstance(start, PrimalDualPair):
        if not isinstance(solver, DualSolver):
            raise ValueError(f"{solver!r} cannot start from a pair (x, u): it has no dual variable")
        return solver.init_at(lower, start)
    if not isinstance(solver, PointSolver):
        accepted = "give a pair (x, u)" if isinstance(solver, DualSolver) else "leave the start out"
        raise ValueError(f"{solver!r} cannot start from x alone: {accepted}")
    return solver.init_at_point(lower, start)


class Ended(NamedTuple):
    """The last state of a solve, how many steps it took, and its residual."""

    state: Any
    steps: Int[Array, ""]
    residual: Float[Array, ""]


def finish(
    budget: Budget,
    lower: LowerLevel,
    x: Float[Array, "..."],
    ended: Ended,
    certificate: Certificate | None = None,
) -> Solution:
    """Say how a solve ended, given its last iterate."""
    residual = ended.residual
    finite = jnp.all(jnp.isfinite(x)) & jnp.isfinite(residual)
    outcome = jnp.where(residual <= budget.tolerance, int(Outcome.CONVERGED), int(Outcome.MAX_STEPS))
    outcome = jnp.where(finite, outcome, int(Outcome.NOT_FINITE))
    # Whatever a solve makes of a negative weight, its cause is the weight.
    status = jnp.where(in_range(lower.regularizer), outcome, int(Outcome.OUT_OF_RANGE)).astype(jnp.int32)
    return Solution(x, ended.state, ended.steps, residual, status, certificate)


def certificate_of(solver: Solver, lower: LowerLevel, state: Any) -> Certificate | None:
    """Certify the pair in a solver's last state, whatever the solver; None where it has no dual variable."""
    if isinstance(solver, CertifyingSolver):
        return solver.certificate(lower, state)
    if isinstance(solver, DualSolver) and supports_analysis(lower) is None:
        return certify(lower, solver.iterate(lower, state), solver.dual(lower, state))
    return None


def _unfinished(budget: Budget, progress: Progress) -> Any:
    # NaN compares false: a solve that is no longer finite stops.
    return (progress.residual > budget.tolerance) & ~has_grown(progress)
