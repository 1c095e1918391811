"""Time and weigh hypergradients of one image; what does not fit memory or time is predicted."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ....hypergrad.method import Method
from ....solvers import Budget
from ...grid.clock_settings import ClockSettings
from ...machine.memory import memory_limit
from ...machine.threads import fix_blas_threads
from ...measure.clock import time_rounds
from ...measure.memory_limit import too_large
from ...measure.program import Compiler, OutOfMemory, Program
from ...measure.samples import Samples
from ...records.status import Status
from ..certified_l1.measure import certify, closed_form
from ..certified_l1.problem import Problem as CertifiedProblem
from ..reproduction import Row
from .problem import (
    ADJOINT_TOLERANCE,
    BUDGET,
    CLOSED_FORM,
    LINEAR,
    LONGER,
    UNROLLED,
    UNROLLED_STEPS,
    Account,
    Problem,
    flat,
    is_finite,
    make_problem,
    solve_program,
    total_program,
)

CLOCK = ClockSettings(rounds_min=2, rounds_max=7, seconds=4.0, warmup=1, limit_seconds=4.0)
QUICK = ClockSettings(rounds_min=1, rounds_max=1, seconds=0.1, warmup=1, limit_seconds=1.0)
LONGEST_SECONDS = 60.0
TRIAL_STEPS = 10
LARGEST_REFERENCE = 64


def measure_case(task: str, side: int, quick: bool) -> list[Row]:
    """Return one row a method."""
    fix_blas_threads()
    problem, compiler = make_problem(task, side), Compiler()
    clock = QUICK if quick else CLOCK
    setting: Row = {
        "task": task,
        "side": side,
        "pixels": side * side,
        "memory_limit_bytes": memory_limit(),
        "quick": quick,
    }
    exact = _exact(problem) if side <= LARGEST_REFERENCE else None
    rows = [setting | _closed_form(problem, compiler, clock, exact)]
    for name, method in UNROLLED.items():
        rows.append(setting | {"method": name} | _unrolled(method, problem, compiler, clock, exact))
    return rows


def _exact(problem: Problem) -> np.ndarray | None:
    """Return the gradient on a certified solution as one vector; None where it is not certified or smooth."""
    pair = CertifiedProblem(problem.lower, problem.truth)
    solved = jax.jit(certify)(problem.lower)
    found = jax.jit(closed_form)(pair, solved)
    if bool(found.nonsmooth) or not bool(solved.solution.certificate.certified):
        return None
    return flat(found.gradient.regularizer)


def _closed_form(problem: Problem, compiler: Compiler, clock: ClockSettings, exact: np.ndarray | None) -> Row:
    solve = compiler.compile_program(solve_program(BUDGET), problem, name="solve")
    total = compiler.compile_program(total_program(LINEAR, BUDGET), problem, name=CLOSED_FORM)
    longer = compiler.compile_program(total_program(LINEAR, LONGER), problem, name=CLOSED_FORM)
    row: Row = {
        "method": CLOSED_FORM,
        "route": LINEAR.route(problem.lower),
        "memory_bytes": total.memory.total,
        "longer_memory_bytes": longer.memory.total,
        "solve_memory_bytes": solve.memory.total,
    }
    if reason := too_large(total):
        return row | {"status": Status.OUT_OF_MEMORY.value, "reason": reason}
    timed, account = _timed({"solve": solve, "total": total}, problem, clock)
    return (
        row | _seconds("solve", timed["solve"]) | _seconds("total", timed["total"]) | _status(account, exact)
    )


def _unrolled(
    method: Method, problem: Problem, compiler: Compiler, clock: ClockSettings, exact: np.ndarray | None
) -> Row:
    name = repr(method)
    total = compiler.compile_program(total_program(method, _exactly(UNROLLED_STEPS)), problem, name=name)
    row: Row = {"memory_bytes": total.memory.total}
    if reason := too_large(total):
        return row | {"status": Status.OUT_OF_MEMORY.value, "reason": reason}
    try:
        estimate = _estimate(method, problem, compiler)
        if estimate > LONGEST_SECONDS:
            reason = f"about {estimate:.0f} s, by {TRIAL_STEPS} steps; the limit is {LONGEST_SECONDS:.0f} s"
            return row | {"status": Status.TIMED_OUT.value, "reason": reason, "estimated_seconds": estimate}
        timed, account = _timed({"total": total}, problem, clock)
    except OutOfMemory as error:
        return row | {"status": Status.OUT_OF_MEMORY.value, "reason": str(error)}
    return row | _seconds("total", timed["total"]) | _status(account, exact)


def _estimate(method: Method, problem: Problem, compiler: Compiler) -> float:
    """Return the seconds of all steps by those of a few, the second call of two."""
    trial = compiler.compile_program(
        total_program(method, _exactly(TRIAL_STEPS)), problem, name=f"{method!r}, trial"
    )
    jax.block_until_ready(trial(problem))
    start = time.perf_counter()
    jax.block_until_ready(trial(problem))
    return (time.perf_counter() - start) * UNROLLED_STEPS / TRIAL_STEPS


def _timed(
    programs: dict[str, Program], problem: Problem, clock: ClockSettings
) -> tuple[dict[str, Samples], Account | None]:
    """Time programs in the same rounds, and keep the total's last result; it is None where that failed."""
    kept: dict[str, Any] = {}

    def call(name: str) -> Callable[[], Any]:
        def run() -> Any:
            kept[name] = programs[name](problem)
            return kept[name]

        return run

    timed = time_rounds({name: call(name) for name in programs}, clock)
    failed = timed["total"].status not in (Status.OK, Status.TIMED_OUT)
    if failed:
        raise OutOfMemory(timed["total"].reason)
    return timed, kept["total"]


def _status(account: Account | None, exact: np.ndarray | None) -> Row:
    """Return the scalars of a run; MAX_STEPS where solver or adjoint stopped at their limit."""
    assert account is not None
    adjoint = account.adjoint_residual
    row: Row = {
        "steps": int(account.steps),
        "residual": float(account.residual),
        "ambiguous": int(account.ambiguous),
        "adjoint_steps": None if account.adjoint_steps is None else int(account.adjoint_steps),
        "adjoint_residual": None if adjoint is None else float(adjoint),
        "gradient_error": None,
        "status": Status.OK.value,
        "reason": "",
    }
    if not is_finite(account.gradient):
        return row | {"status": Status.NOT_FINITE.value, "reason": "the hypergradient is not finite"}
    if exact is not None:
        row["gradient_error"] = float(np.linalg.norm(flat(account.gradient) - exact) / np.linalg.norm(exact))
    late = ["the solver"] * bool(account.residual > BUDGET.tolerance)
    late += ["the adjoint iteration"] * bool(adjoint is not None and adjoint > ADJOINT_TOLERANCE)
    if late:
        row |= {
            "status": Status.MAX_STEPS.value,
            "reason": f"{' and '.join(late)} stopped at the limit of steps",
        }
    return row


def _seconds(name: str, samples: Samples) -> Row:
    """Return the median; a first call beyond the clock's limit is all that there is then."""
    return {f"{name}_seconds": samples.median, f"{name}_calls": len(samples.seconds)}


def _exactly(steps: int) -> Budget:
    return Budget(max_steps=steps, tolerance=0.0)
