"""Measure a group of cases that share an instance: compile, run, compare, and time them together."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Shaped
from pydantic import JsonValue

from ...hypergrad.method import Backward, RoutedMethod
from ..bench_traits import bench_traits_of
from ..failure import failure_of
from ..grid.case import Case, Instance
from ..grid.clock_settings import ClockSettings
from ..grid.inputs import Inputs, cast, lower_level, make_inputs
from ..grid.suites import Suite
from ..records.record import Record
from ..records.status import Status
from .accuracy import Judgement, References
from .bound_program import BoundProgram, BoundPrograms
from .clock import time_rounds
from .contestant_programs import BegunPrograms, ContestantPrograms
from .hashes import hash_arrays
from .loaded_programs import unload_if_many
from .memory_limit import too_large
from .peak_memory import measured_peak
from .program import OutOfMemory, out_of_memory_named
from .quick_compile import quick_compiler
from .record_fields import fields_of
from .samples import Samples
from .untimed_run import UntimedRun, arrays_of, status_of

REFERENCE_LEVEL = 1
"""Of LLVM's optimisations: a reference runs once for each seed, and longer than what else is not timed."""


@dataclass(frozen=True)
class Context:
    """What all records of a run have in common."""

    suite: Suite
    clock: ClockSettings
    environment: Mapping[str, JsonValue]
    command: Sequence[str]
    weighed: bool = False
    """Whether the peak of memory is measured: in a process that does nothing else."""


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


class Begun(NamedTuple):
    """What is about to run.

    Attributes:
        label: in words.
        case: the one that it is for; None for what the cases of a group share.
        timing: whether it is the timing of all of them in turn.
    """

    label: str
    case: Case | None = None
    timing: bool = False


def _unheard(begun: Begun) -> None:
    del begun


@dataclass
class Workbench:
    """Measure groups one after the other; keep programs and references while only seed or precision change.

    Measuring never raises for what happens at run time: it ends as a record's status.
    """

    context: Context
    _references: References = field(init=False)
    _programs: ContestantPrograms = field(init=False)

    def __post_init__(self) -> None:
        self._references = References(quick_compiler(REFERENCE_LEVEL))
        self._programs = ContestantPrograms(self.context.suite)

    def measure(
        self, group: Sequence[Case], begin: Callable[[Begun], None] = _unheard
    ) -> Iterator[MeasuredRecord]:
        """Yield one record per case, in their order, once the whole group has been timed.

        Args:
            group: cases that share an instance.
            begin: is told what is about to run, so that a case that ends the process has been named.
        """
        instance = group[0].instance
        begin(Begun(f"inputs: {instance.describe()}"))
        try:
            with out_of_memory_named(instance.describe()):
                double = make_inputs(instance)
                inputs = cast(double, instance.dtype)
            with self._programs.compiling_beside():
                compiled = [self._compiled(case, inputs, begin) for case in group]
                # While others are compiled.
                begin(Begun(f"reference: {instance.describe()}"))
                problem = self._problem(instance, double, inputs)
                pairs = zip(group, compiled, strict=True)
                runs = [self._run(case, found, inputs, begin) for case, found in pairs]
        except BaseException as error:
            yield from self.unmeasured(group, _failed(error))
            return
        begin(Begun(f"timing: {instance.describe()}", timing=True))
        samples = self._time(runs, problem.inputs)
        peaks = [self._weigh(*one, inputs, begin) for one in zip(group, runs, samples, strict=True)]
        for case, run, timed, peak in zip(group, runs, samples, peaks, strict=True):
            try:
                arrays = arrays_of(run, problem.inputs)
                record = self._record(problem, case, run, *timed, peak)
            except BaseException as error:  # what a plug-in returned cannot be read
                arrays, record = {}, self._record(problem, case, _failed(error), None, None)
            yield MeasuredRecord(record, arrays)

    def _problem(self, instance: Instance, double: Inputs, inputs: Inputs) -> "_Problem":
        """Make what the cases of a group share; raise whatever a regulariser raises."""
        with out_of_memory_named(instance.describe()):
            judgement = self._references.find(instance.double(), double)
            parameters = sum(leaf.size for leaf in jax.tree.leaves(inputs.regularizer))
            return _Problem(inputs, judgement, hash_arrays(inputs), parameters)

    def peak_alone(self, case: Case) -> int | None:
        """Return the memory that a case takes with its arguments, if this process has run nothing before.

        A GPU's allocator tells the most that was ever in use: what came before, such as a reference, may have
        taken more. None for a case that does not apply or fails, and where it is not this process's memory.
        """
        if _known(case) or bench_traits_of(case.contestant.method).in_a_child:
            return None
        try:
            inputs = cast(make_inputs(case.instance), case.instance.dtype)
            with self._programs.compiling_beside():
                program = self._programs.of_case(case, inputs).programs.total
                program.program.wait()
            if jax.default_backend() == "cpu":
                jax.block_until_ready(program(inputs))
            return _peak_of(program, inputs)
        except BaseException:  # a plug-in or a contender may raise anything
            return None

    def unmeasured(self, group: Sequence[Case], run: UntimedRun) -> Iterator[MeasuredRecord]:
        """Yield the records of cases of which nothing could be measured, with the reason why."""
        problem = _Problem(None, Judgement("no reference: the problem could not be made"), {}, None)
        for case in group:
            yield MeasuredRecord(self._record(problem, case, _known(case) or run, None, None), {})

    def forget(self) -> None:
        """Drop compiled programs and references: the next group is another problem."""
        self._programs.forget()
        self._references.compiler.forget()
        self._references.forget()
        unload_if_many()

    def _compiled(
        self, case: Case, inputs: Inputs, begin: Callable[[Begun], None]
    ) -> BegunPrograms | UntimedRun:
        """Trace a case's programs, once it has been named, or say why there are none."""
        known = _known(case)
        if known is not None:
            return known
        begin(Begun(f"compiling: {case.describe()}", case))
        try:
            return self._programs.of_case(case, inputs)
        except BaseException as error:  # a plug-in or a contender may raise anything
            return _failed(error)

    def _run(
        self,
        case: Case,
        compiled: BegunPrograms | UntimedRun,
        inputs: Inputs,
        begin: Callable[[Begun], None],
    ) -> UntimedRun:
        """Run a contestant once, if it has programs and has been named, and note what came of it."""
        if isinstance(compiled, UntimedRun):
            return compiled
        begin(Begun(case.describe(), case))
        programs, retraces = compiled
        try:
            programs.solve.program.wait()
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

    def _weigh(
        self,
        case: Case,
        run: UntimedRun,
        timed: tuple[Samples | None, Samples | None],
        inputs: Inputs,
        begin: Callable[[Begun], None],
    ) -> int | None:
        """Run a program once more, alone, and return the memory it took with its arguments.

        None where that is not asked for, or not this process's: a contender may compute in another one.
        """
        total = timed[1]
        if not self.context.weighed or run.programs is None or total is None or total.status is not Status.OK:
            return None
        if bench_traits_of(case.contestant.method).in_a_child:
            return None
        begin(Begun(f"weighing: {case.describe()}", case))
        try:
            return _peak_of(run.programs.total, inputs)
        except BaseException:  # what ran and was timed keeps its numbers
            return None

    def _record(
        self,
        problem: "_Problem",
        case: Case,
        run: UntimedRun,
        solve: Samples | None,
        total: Samples | None,
        peak: int | None = None,
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
            peak_bytes=peak,
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


def _peak_of(program: BoundProgram, inputs: Inputs) -> int | None:
    peak, arguments = measured_peak(_call(program, inputs)), program.program.memory.argument
    return None if peak is None or arguments is None else peak + arguments


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
