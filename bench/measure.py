"""Measure a group of cases that share an instance: compile, run, compare, and time them together."""

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from pydantic import JsonValue

from ..hypergrad.method import AdjointMethod, Backward, RoutedMethod
from ..solvers.solver import Outcome
from .accuracy import Judge, Judgement, compare, flatten
from .case import Case, Contestant, label
from .clock import ClockSettings, time_rounds
from .hashes import hash_arrays
from .inputs import Inputs, cast, lower_level, make_inputs
from .program import Compiler, OutOfMemory, Program, out_of_memory_named
from .programs import (
    Training,
    look_back,
    pull_back,
    solve_and_differentiate,
    solve_only,
    with_tolerance,
)
from .record import Record
from .samples import Samples, ratio
from .split import exact_adjoint, split_error
from .status import Status
from .suites import Suite
from .sweeps import shares_program, without_tolerance

MEMORY_SHARE = 0.8
"""Share of the device's memory that a program's static figure may take before it is not run at all."""


@dataclass(frozen=True)
class Context:
    """What all records of a run have in common."""

    suite: Suite
    clock: ClockSettings
    environment: Mapping[str, JsonValue]
    command: Sequence[str]


@dataclass(frozen=True)
class Measured:
    """A record, with the arrays it is about for those who want to keep them."""

    record: Record
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Bound:
    """A program, with the arguments that tell the contestants apart that share it: the tolerance, or none."""

    program: Program
    rest: tuple[jax.Array, ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        return self.program(*arguments, *self.rest)

    @property
    def identity(self) -> str:
        """A key that equal programs with equal arguments share."""
        return f"{self.program.identity}{[float(one) for one in self.rest]}"


@dataclass(frozen=True)
class _Compiled:
    """The programs of one contestant, or of a sweep; `exact` gives the exact adjoint's gradient."""

    solve: Program
    total: Program
    back: Program | None
    exact: Program | None = None


@dataclass(frozen=True)
class _Programs:
    """The programs of one contestant with their arguments."""

    compiled: _Compiled
    rest: tuple[jax.Array, ...]

    @property
    def solve(self) -> _Bound:
        return _Bound(self.compiled.solve, self.rest)

    @property
    def total(self) -> _Bound:
        return _Bound(self.compiled.total, self.rest)


@dataclass(frozen=True)
class _Run:
    """What one untimed run of a contestant gave, or why it gave nothing."""

    status: Status
    reason: str = ""
    compiled: _Programs | None = None
    training: Training | None = None
    backward: Backward | None = None
    exact: Any = None
    retraces: int | None = None
    route: str = ""


@dataclass
class Workbench:
    """Measure groups one after the other; keep programs and references while only seed or precision change.

    Measuring never raises for what happens at run time: it ends as a record's status.
    """

    context: Context
    _judge: Judge = field(init=False)
    # Programs that are never timed need not be fast, and compile in 0.6 of the time.
    _untimed: Compiler = field(default_factory=lambda: Compiler((("xla_backend_optimization_level", 0),)))
    _compiled: dict[Any, _Compiled] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._judge = Judge(Compiler(self.context.suite.compiler_options))

    def measure(self, group: Sequence[Case]) -> Iterator[Measured]:
        """Yield one record a case, in their order, once the whole group has been timed."""
        instance = group[0].instance
        double = make_inputs(instance)
        inputs = cast(double, instance.dtype)
        judgement = self._judge.find(instance.double(), double)
        runs = [self._run(case, inputs) for case in group]
        samples = self._time(runs, inputs)
        hashes = hash_arrays(inputs)
        parameters = sum(leaf.size for leaf in jax.tree.leaves(inputs.regularizer))
        for case, run, (solve, total) in zip(group, runs, samples, strict=True):
            record = self._record(parameters, case, run, judgement, solve, total, hashes)
            yield Measured(record, _arrays(run, inputs))

    def forget(self) -> None:
        """Drop compiled programs and references: the next group is another problem."""
        self._judge.compiler.forget()
        self._untimed.forget()
        self._judge.forget()
        self._compiled.clear()

    def _run(self, case: Case, inputs: Inputs) -> _Run:
        """Compile and run a contestant once, outside the clock, and note what came of it."""
        if case.contestant.reason:
            return _Run(Status.NOT_SUPPORTED, case.contestant.reason)
        try:
            compiled, retraces = self._programs(case, inputs)
            memory = compiled.compiled.total.memory.total
            if memory is not None and memory > memory_limit():
                return _Run(Status.OUT_OF_MEMORY, f"needs {memory / 2**30:.1f} GiB", compiled)
            with out_of_memory_named(case.contestant.method.__class__.__name__):
                training = jax.block_until_ready(compiled.total(inputs))
                backward, exact = _look_back(compiled, inputs)
        except OutOfMemory as error:
            return _Run(Status.OUT_OF_MEMORY, str(error))
        except Exception as error:  # a plug-in or a contender may raise anything
            return _Run(Status.FAILED, _one_line(error))
        status, reason = _status_of(training)
        return _Run(status, reason, compiled, training, backward, exact, retraces, _route(case, inputs))

    def _programs(self, case: Case, inputs: Inputs) -> tuple[_Programs, int]:
        """Return the contestant's programs, compiled once a shape, and the traces that new data cost."""
        contestant, rest = case.contestant, ()
        if shares_program(contestant):
            rest = (jax.numpy.asarray(contestant.budget.tolerance, case.instance.dtype),)
            contestant = without_tolerance(contestant)
        key = (replace(case.instance, seed=0), contestant)
        if key not in self._compiled:
            self._compiled[key] = self._compile(contestant, inputs, rest)
        programs = _Programs(self._compiled[key], rest)
        return programs, programs.compiled.total.retraces(inputs, *rest)

    def _compile(self, contestant: Contestant, inputs: Inputs, rest: tuple[jax.Array, ...]) -> _Compiled:
        name = f"{contestant.method!r} with {contestant.solver!r}"

        def compiled(compiler: Compiler, function: Any, *arguments: Any, who: Contestant) -> Program:
            program = with_tolerance(function, who) if rest else function(who)
            return compiler.compile_program(program, *arguments, *rest, name=name)

        timed = self._judge.compiler
        solve = compiled(timed, solve_only, inputs, who=contestant)
        total = compiled(timed, solve_and_differentiate, inputs, who=contestant)
        if not isinstance(contestant.method, AdjointMethod):
            return _Compiled(solve, total, None)
        solution = jax.eval_shape(solve_only(contestant), inputs)
        back = compiled(self._untimed, look_back, inputs, solution, who=contestant)
        exact = self._exact(contestant, inputs)
        if exact is None:
            return _Compiled(solve, total, back)
        return _Compiled(solve, total, back, compiled(self._untimed, pull_back, inputs, solution, who=exact))

    def _exact(self, contestant: Contestant, inputs: Inputs) -> Contestant | None:
        """Return the contestant with the adjoint that errors are split by, in suites that split them."""
        if self.context.suite.sweep is None:
            return None
        lower = lower_level(inputs, 0)
        method = exact_adjoint(lower)
        supported = method.supports(contestant.solver, lower) is None
        return replace(contestant, method=method) if supported else None

    def _time(self, runs: Sequence[_Run], inputs: Inputs) -> list[tuple[Samples | None, Samples | None]]:
        """Time every program that ran, all in the same rounds; equal programs are timed once."""
        names: list[tuple[str, str] | None] = []
        entries: dict[str, Any] = {}
        for run in runs:
            if run.compiled is None or run.training is None:
                names.append(None)
                continue
            pair = (run.compiled.solve, run.compiled.total)
            names.append((pair[0].identity, pair[1].identity))
            entries |= {program.identity: _call(program, inputs) for program in pair}
        timed = time_rounds(entries, self.context.clock) if entries else {}
        return [(timed[name[0]], timed[name[1]]) if name else (None, None) for name in names]

    def _record(
        self,
        parameters: int,
        case: Case,
        run: _Run,
        judgement: Judgement,
        solve: Samples | None,
        total: Samples | None,
        hashes: dict[str, str],
    ) -> Record:
        status, reason = run.status, run.reason
        worse = next((one for one in (total, solve) if one is not None and one.status is not Status.OK), None)
        if worse is not None:
            status, reason = worse.status, worse.reason
        if judgement.nonsmooth and status.measured:
            status, reason = Status.NONSMOOTH, judgement.nonsmooth
        return Record(
            **_identity(case),
            **self._provenance(hashes),
            sweep=case.contestant.sweep,
            parameters=parameters,
            status=status,
            reason=reason,
            **_solution_fields(run),
            **_certificate_fields(run),
            **_backward_fields(run.backward),
            **_accuracy_fields(run, judgement),
            **_bound_fields(run),
            **_split_fields(case, run, judgement),
            **_time_fields(solve, total),
            **_program_fields(run, getattr(case.contestant.method, "in_a_child", False)),
            adjoint_route=run.route,
        )

    def _provenance(self, hashes: dict[str, str]) -> dict[str, Any]:
        return {
            "suite": self.context.suite.name,
            "environment": {
                **self.context.environment,
                "compiler_options": dict(self.context.suite.compiler_options),
            },
            "command": list(self.context.command),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "input_hashes": hashes,
        }


def _identity(case: Case) -> dict[str, Any]:
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


def _solution_fields(run: _Run) -> dict[str, Any]:
    if run.training is None:
        return {}
    solution = run.training.solution
    fields = {} if solution.contraction is None else {"lower_contraction": _largest(solution.contraction)}
    return {
        **fields,
        "steps": float(np.mean(solution.steps)),
        "steps_max": float(np.max(solution.steps)),
        "residual": float(np.max(solution.residual)),
        "loss": float(run.training.loss),
    }


def _largest(values: Any) -> float | None:
    """Return the largest of the numbers that are known, None if none is."""
    known = np.asarray(values)[~np.isnan(values)]
    return float(np.max(known)) if known.size else None


def _certificate_fields(run: _Run) -> dict[str, Any]:
    """Return the worst of the batch's certificates."""
    certificate = run.training.solution.certificate if run.training is not None else None
    if certificate is None:
        return {}
    return {
        "certified": bool(np.all(certificate.certified)),
        "violation": float(np.max(certificate.violation)),
        "ambiguous": float(np.sum(certificate.ambiguous)),
        "dual_margin": float(np.min(certificate.dual_margin)),
        "primal_margin": float(np.min(certificate.primal_margin)),
    }


def _backward_fields(backward: Backward | None) -> dict[str, Any]:
    """Return the worst adjoint residual and contraction of the batch, and means of the counts."""
    if backward is None:
        return {}
    fields = {
        "adjoint_steps": backward.steps,
        "active_size": backward.active_size,
        "active_rank": backward.active_rank,
    }
    means = {name: float(np.mean(value)) for name, value in fields.items() if value is not None}
    if backward.contraction is not None:
        means["contraction"] = float(np.max(backward.contraction))
    if backward.residual is None:
        return means
    return {"adjoint_residual": float(np.max(backward.residual)), **means}


def _bound_fields(run: _Run) -> dict[str, Any]:
    """Return the bound of the error of the batch's gradient, the mean of its members', over its norm."""
    if run.training is None or run.backward is None or run.backward.error_bound is None:
        return {}
    norm = float(np.linalg.norm(flatten(run.training.gradient)))
    return {"error_bound": float(np.mean(run.backward.error_bound)) / norm} if norm else {}


def _accuracy_fields(run: _Run, judgement: Judgement) -> dict[str, Any]:
    fields: dict[str, Any] = {"reference": judgement.reference, "reference_error": judgement.error}
    accuracy = compare(run.training.gradient, judgement) if run.training is not None else None
    return fields if accuracy is None else {**fields, **accuracy._asdict()}


def _split_fields(case: Case, run: _Run, judgement: Judgement) -> dict[str, Any]:
    method = case.contestant.method
    if run.training is None or run.exact is None or not isinstance(method, AdjointMethod):
        return {}
    return split_error(method, run.training.gradient, run.exact, judgement)._asdict()


def _time_fields(solve: Samples | None, total: Samples | None) -> dict[str, Any]:
    if solve is None or total is None:
        return {}
    named = {
        "solve_seconds": solve.quartiles,
        "total_seconds": total.quartiles,
        "overhead": ratio(total, solve),
    }
    fields: dict[str, Any] = {"rounds": len(total.seconds)}
    for name, found in named.items():
        if found is not None:
            fields |= {name: found.median, f"{name}_q1": found.q1, f"{name}_q3": found.q3}
    return fields


def _program_fields(run: _Run, in_a_child: bool) -> dict[str, Any]:
    """Return what the compiler says; of the memory that a child process needs it says nothing."""
    if run.compiled is None:
        return {}
    program = run.compiled.compiled.total
    fields = {"compile_seconds": program.compile_seconds, "retraces": run.retraces}
    if in_a_child:
        return fields
    return fields | {"memory_bytes": program.memory.total, "temp_bytes": program.memory.temporary}


def _status_of(training: Training) -> tuple[Status, str]:
    """Return the worst outcome of the batch; a gradient that is not finite counts as such."""
    outcomes = np.asarray(training.solution.status)
    if (outcomes == Outcome.NOT_FINITE).any():
        return Status.NOT_FINITE, "the solution is not finite"
    diverged = int((outcomes == Outcome.DIVERGED).sum())
    if diverged:
        return Status.DIVERGED, f"{diverged} of {outcomes.size} solves diverged{_factor(training)}"
    if not np.isfinite(flatten(training.gradient)).all():
        return Status.NOT_FINITE, "the hypergradient is not finite"
    missed = int((outcomes == Outcome.MAX_STEPS).sum())
    if missed:
        return Status.MAX_STEPS, f"{missed} of {outcomes.size} solves ended above the tolerance"
    return Status.OK, ""


def _factor(training: Training) -> str:
    """Say by how much the residual grew per step, where that is known."""
    contraction = training.solution.contraction
    largest = None if contraction is None else _largest(contraction)
    return "" if largest is None else f": the residual grew by a factor of {largest:.3g} per step"


def _arrays(run: _Run, inputs: Inputs) -> dict[str, np.ndarray]:
    """Return solution, hypergradient and inputs by name, for `.npz`."""
    if run.training is None:
        return {}
    trees = {"x": run.training.solution.x, "gradient": run.training.gradient, "inputs": inputs}
    return {
        name + jax.tree_util.keystr(path): np.asarray(leaf)
        for name, tree in trees.items()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _route(case: Case, inputs: Inputs) -> str:
    method = case.contestant.method
    return method.route(lower_level(inputs, 0)) if isinstance(method, RoutedMethod) else ""


def _look_back(programs: _Programs, inputs: Inputs) -> tuple[Backward | None, Any]:
    """Return what the backward pass knows of itself, and the exact adjoint's gradient, outside the clock."""
    compiled, rest = programs.compiled, programs.rest
    if compiled.back is None:
        return None, None
    solution = programs.solve(inputs)
    exact = None if compiled.exact is None else compiled.exact(inputs, solution, *rest)
    return jax.block_until_ready((compiled.back(inputs, solution, *rest), exact))


def _call(program: _Bound, inputs: Inputs) -> Any:
    return lambda: program(inputs)


def memory_limit() -> float:
    """Return the bytes that one program may need on the default device."""
    stats = jax.devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return MEMORY_SHARE * total


def _one_line(error: Exception) -> str:
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first}"
