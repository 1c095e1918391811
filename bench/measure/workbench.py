"""Measure a group of cases that share an instance: compile, run, compare, and time them together."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Shaped
from pydantic import JsonValue

from ...hypergrad.method import AdjointMethod, Backward, RoutedMethod
from ..failure import failure_of
from ..grid.case import Case, Contestant, Instance
from ..grid.clock_settings import ClockSettings
from ..grid.inputs import Inputs, cast, lower_level, make_inputs
from ..grid.suites import Suite
from ..grid.sweeps import shares_program, without_tolerance
from ..records.record import Record
from ..records.status import Status
from .accuracy import Judgement, References
from .bound_program import BoundProgram, BoundPrograms, ProgramSet
from .clock import time_rounds
from .hashes import hash_arrays
from .loaded_programs import unload_if_many
from .memory_limit import too_large
from .program import Compiler, OutOfMemory, Program, out_of_memory_named
from .programs import (
    look_back,
    pull_back,
    solve_and_differentiate,
    solve_only,
    with_tolerance,
)
from .record_fields import fields_of
from .samples import Samples
from .split import exact_adjoint
from .untimed_run import UntimedRun, arrays_of, status_of


@dataclass(frozen=True)
class Context:
    """What all records of a run have in common."""

    suite: Suite
    clock: ClockSettings
    environment: Mapping[str, JsonValue]
    command: Sequence[str]


@dataclass(frozen=True)
class MeasuredRecord:
    """A record, with the arrays it is about for those who want to keep them."""

    record: Record
    arrays: Mapping[str, Shaped[np.ndarray, "..."]]


class _Problem(NamedTuple):
    """What the cases of a group share: arrays, reference, hashes, and the number of parameters."""

    inputs: Any
    judgement: Judgement
    hashes: dict[str, str]
    parameters: int | None


def _unheard(label: str) -> None:
    del label


@dataclass
class Workbench:
    """Measure groups one after the other; keep programs and references while only seed or precision change.

    Measuring never raises for what happens at run time: it ends as a record's status.
    """

    context: Context
    _references: References = field(init=False)
    _untimed: Compiler = field(init=False)
    _programs_of: dict[Any, ProgramSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        suite = self.context.suite
        self._references = References(Compiler(suite.compiler_options))
        self._untimed = Compiler((("xla_backend_optimization_level", suite.untimed_level),))

    def measure(
        self, group: Sequence[Case], begin: Callable[[str], None] = _unheard
    ) -> Iterator[MeasuredRecord]:
        """Yield one record per case, in their order, once the whole group has been timed.

        Args:
            group: cases that share an instance.
            begin: is told what is about to run, so that a case that ends the process has been named.
        """
        instance = group[0].instance
        begin(f"inputs and reference: {instance.describe()}")
        try:
            problem = self._problem(instance)
        except BaseException as error:
            yield from self._unmade(group, _failed(error))
            return
        runs = [self._begun(case, problem.inputs, begin) for case in group]
        begin(f"timing: {instance.describe()}")
        samples = self._time(runs, problem.inputs)
        for case, run, timed in zip(group, runs, samples, strict=True):
            try:
                arrays = arrays_of(run, problem.inputs)
                record = self._record(problem, case, run, *timed)
            except BaseException as error:  # what a plug-in returned cannot be read
                arrays, record = {}, self._record(problem, case, _failed(error), None, None)
            yield MeasuredRecord(record, arrays)

    def _problem(self, instance: Instance) -> "_Problem":
        """Make what the cases of a group share; raise whatever a task or a regulariser raises."""
        with out_of_memory_named(instance.describe()):
            double = make_inputs(instance)
            inputs = cast(double, instance.dtype)
            parameters = sum(leaf.size for leaf in jax.tree.leaves(inputs.regularizer))
            return _Problem(
                inputs, self._references.find(instance.double(), double), hash_arrays(inputs), parameters
            )

    def _unmade(self, group: Sequence[Case], run: UntimedRun) -> Iterator[MeasuredRecord]:
        """Yield the records of a group whose problem could not be made."""
        problem = _Problem(None, Judgement("no reference: the problem could not be made"), {}, None)
        for case in group:
            yield MeasuredRecord(self._record(problem, case, _known(case) or run, None, None), {})

    def forget(self) -> None:
        """Drop compiled programs and references: the next group is another problem."""
        self._references.compiler.forget()
        self._untimed.forget()
        self._references.forget()
        self._programs_of.clear()
        unload_if_many()

    def _begun(self, case: Case, inputs: Inputs, begin: Callable[[str], None]) -> UntimedRun:
        """Run a case, if there is anything to run, once it has been named."""
        known = _known(case)
        if known is None:
            begin(case.describe())
        return known or self._run(case, inputs)

    def _run(self, case: Case, inputs: Inputs) -> UntimedRun:
        """Compile and run a contestant once, outside the clock, and note what came of it."""
        try:
            programs, retraces = self._programs(case, inputs)
            if reason := too_large(programs.total.program):
                return UntimedRun(Status.OUT_OF_MEMORY, reason, programs)
            with out_of_memory_named(case.contestant.method.__class__.__name__):
                yielded = jax.block_until_ready(programs.total(inputs))
                backward, exact = _look_back(programs, inputs)
            status, reason = status_of(yielded, backward)
            route = _route(case, inputs)
            return UntimedRun(status, reason, programs, yielded, backward, exact, retraces, route)
        except BaseException as error:  # a plug-in or a contender may raise anything
            return _failed(error)

    def _programs(self, case: Case, inputs: Inputs) -> tuple[BoundPrograms, int]:
        """Return the contestant's programs, compiled once per shape, and the traces that new data cost."""
        contestant, rest = case.contestant, ()
        if shares_program(contestant):
            rest = (jax.numpy.asarray(contestant.budget.tolerance, case.instance.dtype),)
            contestant = without_tolerance(contestant)
        key = (replace(case.instance, seed=0), contestant)
        if key not in self._programs_of:
            self._programs_of[key] = self._compile(contestant, inputs, rest)
        programs = self._programs_of[key].bound(rest)
        return programs, programs.total.program.retraces(inputs, *rest)

    def _compile(self, contestant: Contestant, inputs: Inputs, rest: tuple[jax.Array, ...]) -> ProgramSet:
        name = f"{contestant.method!r} with {contestant.solver!r}"

        def compiled(compiler: Compiler, function: Any, *arguments: Any, who: Contestant) -> Program:
            program = with_tolerance(function, who) if rest else function(who)
            return compiler.compile_program(program, *arguments, *rest, name=name)

        timed = self._references.compiler
        solve = compiled(timed, solve_only, inputs, who=contestant)
        total = compiled(timed, solve_and_differentiate, inputs, who=contestant)
        if not isinstance(contestant.method, AdjointMethod):
            return ProgramSet(solve, total)
        solution = solve.shapes(inputs, *rest)
        back = compiled(self._untimed, look_back, inputs, solution, who=contestant)
        exact = self._exact(contestant, inputs)
        if exact is None:
            return ProgramSet(solve, total, back)
        return ProgramSet(solve, total, back, compiled(self._untimed, pull_back, inputs, solution, who=exact))

    def _exact(self, contestant: Contestant, inputs: Inputs) -> Contestant | None:
        """Return the contestant with the adjoint that errors are split by, in suites that split them."""
        if self.context.suite.sweep is None:
            return None
        lower = lower_level(inputs, 0)
        method = exact_adjoint(lower)
        supported = method.supports(contestant.solver, lower) is None
        return replace(contestant, method=method) if supported else None

    def _time(
        self, runs: Sequence[UntimedRun], inputs: Inputs
    ) -> list[tuple[Samples | None, Samples | None]]:
        """Time every program that ran, all in the same rounds; equal programs are timed once."""
        names: list[tuple[str, str] | None] = []
        entries: dict[str, Any] = {}
        for run in runs:
            if run.programs is None or run.differentiated is None:
                names.append(None)
                continue
            pair = (run.programs.solve, run.programs.total)
            names.append((pair[0].identity, pair[1].identity))
            entries |= {program.identity: _call(program, inputs) for program in pair}
        timed = time_rounds(entries, self.context.clock) if entries else {}
        return [(timed[name[0]], timed[name[1]]) if name else (None, None) for name in names]

    def _record(
        self,
        problem: "_Problem",
        case: Case,
        run: UntimedRun,
        solve: Samples | None,
        total: Samples | None,
    ) -> Record:
        judgement = problem.judgement
        status, reason = run.status, run.reason
        timed = (samples for samples in (total, solve) if samples is not None)
        worse = next((samples for samples in timed if samples.status is not Status.OK), None)
        if worse is not None:
            status, reason = worse.status, worse.reason
        if judgement.nonsmooth and status.measured:
            status, reason = Status.NONSMOOTH, judgement.nonsmooth
        return Record(
            **self._provenance(problem.hashes),
            **fields_of(case, run, judgement, solve, total),
            parameters=problem.parameters,
            status=status,
            reason=reason,
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


def _route(case: Case, inputs: Inputs) -> str:
    method = case.contestant.method
    return method.route(lower_level(inputs, 0)) if isinstance(method, RoutedMethod) else ""


def _look_back(programs: BoundPrograms, inputs: Inputs) -> tuple[Backward | None, Any]:
    """Return what the backward pass knows of itself, and the exact adjoint's gradient, outside the clock."""
    if programs.back is None:
        return None, None
    solution = programs.solve(inputs)
    exact = None if programs.exact is None else programs.exact(inputs, solution)
    return jax.block_until_ready((programs.back(inputs, solution), exact))


def _call(program: BoundProgram, inputs: Inputs) -> Any:
    return lambda: program(inputs)


def _known(case: Case) -> UntimedRun | None:
    """Return what is known of a case before anything runs: a failure, or why it does not apply."""
    if case.contestant.failure:
        return UntimedRun(Status.FAILED, case.contestant.failure)
    return UntimedRun(Status.NOT_SUPPORTED, case.contestant.reason) if case.contestant.reason else None


def _failed(error: BaseException) -> UntimedRun:
    """Say what somebody else's code raised."""
    if isinstance(error, OutOfMemory):
        return UntimedRun(Status.OUT_OF_MEMORY, str(error))
    return UntimedRun(Status.FAILED, failure_of(error))
