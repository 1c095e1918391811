"""The fields of a record: plain numbers from what was run, judged and timed."""

from typing import Any

import numpy as np

from ...hypergrad.method import AdjointMethod
from ..bench_traits import bench_traits_of
from ..grid.case import Case, label
from .account import account_of
from .accuracy import Judgement, compare, flatten
from .samples import Samples, ratio
from .split import split_error
from .untimed_run import UntimedRun


def fields_of(
    case: Case, run: UntimedRun, judgement: Judgement, solve: Samples | None, total: Samples | None
) -> dict[str, Any]:
    """Return what a record says of one contestant, by the record's names, but for its status."""
    return {
        **_identity_fields(case),
        **_account_fields(run),
        **_accuracy_fields(run, judgement),
        **_bound_fields(run),
        **_split_fields(case, run, judgement),
        **_time_fields(solve, total),
        **_program_fields(run, bench_traits_of(case.contestant.method).in_a_child),
        "adjoint_route": run.route,
        "sweep": case.contestant.sweep,
    }


def _identity_fields(case: Case) -> dict[str, Any]:
    instance, contestant = case.instance, case.contestant
    return {
        "id": case.id,
        "task": instance.task_label,
        "regularizer": instance.regularizer_label,
        "data": label(instance.data),
        "size": instance.size,
        "batch": instance.batch,
        "dtype": instance.dtype,
        "seed": instance.seed,
        "solver": repr(contestant.solver),
        "method": repr(contestant.method),
        "max_steps": contestant.budget.max_steps,
        "tolerance": contestant.budget.tolerance,
    }


def _account_fields(run: UntimedRun) -> dict[str, Any]:
    """Return what the solves and backward passes of the batch say of themselves."""
    if run.differentiated is None:
        return {}
    fields = account_of(run.differentiated.solution, run.backward)._asdict()
    # In a record the status says it.
    del fields["adjoint_converged"]
    return {**fields, "loss": float(run.differentiated.loss)}


def _bound_fields(run: UntimedRun) -> dict[str, Any]:
    """Return the bound of the error of the batch's gradient, the mean of its members', over its norm."""
    if run.differentiated is None or run.backward is None or run.backward.error_bound is None:
        return {}
    norm = float(np.linalg.norm(flatten(run.differentiated.gradient)))
    return {"error_bound": float(np.mean(run.backward.error_bound)) / norm} if norm else {}


def _accuracy_fields(run: UntimedRun, judgement: Judgement) -> dict[str, Any]:
    fields: dict[str, Any] = {"reference": judgement.reference, "reference_error": judgement.error}
    accuracy = compare(run.differentiated.gradient, judgement) if run.differentiated is not None else None
    return fields if accuracy is None else {**fields, **accuracy._asdict()}


def _split_fields(case: Case, run: UntimedRun, judgement: Judgement) -> dict[str, Any]:
    method = case.contestant.method
    if run.differentiated is None or run.exact is None or not isinstance(method, AdjointMethod):
        return {}
    return split_error(method, run.differentiated.gradient, run.exact, judgement)._asdict()


def _time_fields(solve: Samples | None, total: Samples | None) -> dict[str, Any]:
    if solve is None or total is None:
        return {}
    named = {
        "solve_seconds": solve.quartiles,
        "total_seconds": total.quartiles,
        "overhead": ratio(total, solve),
    }
    fields: dict[str, Any] = {"rounds": len(total.seconds)}
    for name, quartiles in named.items():
        if quartiles is not None:
            fields |= {name: quartiles.median, f"{name}_q1": quartiles.q1, f"{name}_q3": quartiles.q3}
    return fields


def _program_fields(run: UntimedRun, in_a_child: bool) -> dict[str, Any]:
    """Return what the compiler says; of the memory that a child process needs it says nothing."""
    if run.programs is None:
        return {}
    program = run.programs.total.program
    fields = {"compile_seconds": program.compile_seconds, "retraces": run.retraces}
    if in_a_child:
        return fields
    return fields | {"memory_bytes": program.memory.total, "temp_bytes": program.memory.temporary}
