"""Measuring a group: what ends up in the records, whatever happens."""

import threading
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.bench_traits import BenchTraits
from hypergrad_bench.bench.contenders import JaxoptImplicit
from hypergrad_bench.bench.grid.case import Case, Contestant, Instance
from hypergrad_bench.bench.grid.clock_settings import ClockSettings
from hypergrad_bench.bench.grid.suites import SUITES
from hypergrad_bench.bench.machine.environment import environment
from hypergrad_bench.bench.measure import memory_limit, program
from hypergrad_bench.bench.measure import workbench as measure
from hypergrad_bench.bench.measure.clock import time_rounds
from hypergrad_bench.bench.measure.workbench import Context, Workbench
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.hypergrad import ClosedForm, Implicit, MethodTraits, OneStep, Unrolled
from hypergrad_bench.problems import (
    AnalysisL1,
    Denoising,
    LowerLevel,
    Photographs,
    PiecewiseConstant,
    UntiedExperts,
    configuration,
)
from hypergrad_bench.solvers import Budget, DualFista, Gmres, Picard, PrimalDualPair, Solution, Solver

CLOCK = ClockSettings(rounds_min=2, rounds_max=2, seconds=0.1, warmup=1)
BUDGET = Budget(2000, 1e-10)


@configuration
class Raises:
    """A method with a defect."""

    traits = MethodTraits()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Claim to support everything."""
        del solver, lower
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Fail."""
        raise RuntimeError("a defect of the plug-in\nand its account")


@configuration
class Poisons:
    """A method whose derivative is not finite although its solution is."""

    traits = MethodTraits()

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Claim to support everything."""
        del solver, lower
        return None

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: PrimalDualPair | None = None
    ) -> Solution:
        """Solve, and add zero with an infinite slope."""
        solution = ClosedForm()(solver, budget, lower, start)
        zero = jnp.sum(lower.regularizer.weight) * 0
        return solution._replace(x=solution.x + jnp.sqrt(jnp.abs(zero)))


def instance(seed: int = 0, dtype: str = "float64") -> Instance:
    """A small l1 denoising problem."""
    return Instance(Denoising(), AnalysisL1, None, PiecewiseConstant(), (16,), 2, dtype, seed)


def group(*methods: object, seed: int = 0, dtype: str = "float64", budget: Budget = BUDGET) -> list[Case]:
    """One case a method."""
    return [Case(instance(seed, dtype), Contestant(DualFista(), budget, method)) for method in methods]


@pytest.fixture(scope="module")
def workbench() -> Workbench:
    """A workbench with a short clock; it keeps programs and references from one test to the next."""
    return Workbench(Context(SUITES["smoke"], CLOCK, environment(), ["hgb", "run"]))


@pytest.fixture
def records(workbench: Workbench) -> Callable[..., list[Record]]:
    """Measure a group and return its records."""
    return lambda cases: [measured.record for measured in workbench.measure(cases)]


def test_a_record_holds_everything_it_promises(workbench: Workbench) -> None:
    """A converged exact method fills every field that applies."""
    (measured,) = workbench.measure(group(ClosedForm()))
    record = measured.record
    assert record.status is Status.OK
    assert record.relative_error is not None
    assert record.relative_error < 1e-7
    assert record.reference == "closed form on a certified solution"
    assert record.reference_error is not None
    assert 0 < record.reference_error < 1e-7
    assert record.cosine == pytest.approx(1)
    assert record.norm_ratio == pytest.approx(1)
    for name in ("solve_seconds", "total_seconds", "overhead"):
        q1, middle, q3 = (getattr(record, name + end) for end in ("_q1", "", "_q3"))
        assert 0 < q1 <= middle <= q3
    for name in ("steps", "residual", "adjoint_residual", "active_size", "active_rank", "compile_seconds"):
        assert getattr(record, name) is not None, name
    assert record.memory_bytes is not None
    assert record.memory_bytes > 0
    assert record.retraces == 0
    assert {".A", ".y"} & {key[:2] for key in record.input_hashes}
    assert record.environment["x64"] is True
    assert measured.arrays["x.x" if "x.x" in measured.arrays else "x"].shape == (2, 16)


def test_new_data_of_a_configuration_is_not_traced_again(records: Callable[..., list[Record]]) -> None:
    """Same configuration, new seed: the programs are used again."""
    first, second = records(group(ClosedForm(), seed=0))[0], records(group(ClosedForm(), seed=1))[0]
    assert first.retraces == second.retraces == 0
    assert first.compile_seconds == second.compile_seconds
    assert first.input_hashes != second.input_hashes
    assert first.loss != second.loss


def test_the_same_seed_gives_the_same_bits(workbench: Workbench) -> None:
    """Two workbenches agree to the last bit, on inputs and results."""
    other = Workbench(Context(SUITES["smoke"], CLOCK, {}, []))
    measured = [next(iter(bench.measure(group(ClosedForm())))) for bench in (workbench, other)]
    for name, array in measured[0].arrays.items():
        np.testing.assert_array_equal(array, measured[1].arrays[name], err_msg=name)


def test_float32_is_float32_and_judged_in_float64(records: Callable[..., list[Record]]) -> None:
    """The precision is an axis of the grid; its error shows against the float64 reference."""
    (record,) = records(group(ClosedForm(), dtype="float32", budget=Budget(2000, 3e-6)))
    assert record.relative_error is not None
    assert 1e-9 < record.relative_error < 1e-3


def test_what_does_not_apply_or_fails_costs_the_others_nothing(records: Callable[..., list[Record]]) -> None:
    """Each row of a group has its own status; the good one is measured all the same."""
    unsupported = Case(instance(), Contestant(DualFista(), BUDGET, ClosedForm(), "it does not apply"))
    found = records([unsupported, *group(Raises(), Poisons(), OneStep())])
    assert [record.status for record in found] == [
        Status.NOT_SUPPORTED,
        Status.FAILED,
        Status.NOT_FINITE,
        Status.OK,
    ]
    assert found[0].reason == "it does not apply"
    assert found[1].reason == "RuntimeError: a defect of the plug-in\nand its account"
    assert found[1].total_seconds is None
    assert "hypergradient" in found[2].reason
    assert found[2].relative_error is None
    assert found[3].total_seconds is not None


def test_a_budget_that_runs_out_is_a_status(records: Callable[..., list[Record]]) -> None:
    """An unconverged row is measured and marked."""
    (record,) = records(group(Unrolled(), budget=Budget(5, 1e-10)))
    assert record.status is Status.MAX_STEPS
    assert record.reason == "2 of 2 solves ended above the tolerance"
    assert record.relative_error is not None
    assert record.relative_error > 1e-3


def equilibrium(method: object, solver: object) -> list[Case]:
    """One case of untied experts."""
    untied = Instance(Denoising(), UntiedExperts, None, Photographs(), (8, 8), 2, "float64", 0)
    return [Case(untied, Contestant(solver, BUDGET, method))]


def test_a_lower_level_without_an_energy_is_measured(records: Callable[..., list[Record]]) -> None:
    """It has a reference, and the record holds the forward map's contraction factor beside the adjoint's."""
    (record,) = records(equilibrium(Implicit(linear=Gmres()), Picard()))
    assert record.status is Status.OK
    assert record.reference == "dense implicit"
    assert record.relative_error is not None
    assert record.relative_error < 1e-6
    assert record.lower_contraction is not None
    assert record.contraction is not None
    assert 0.2 < record.lower_contraction < 0.95
    assert record.contraction == pytest.approx(record.lower_contraction, abs=0.2)
    assert Record.from_line(record.to_line()) == record


def test_a_map_that_does_not_contract_is_a_status(records: Callable[..., list[Record]]) -> None:
    """The row says that it diverged and how fast; it has no place among measured ones."""
    (record,) = records(equilibrium(Implicit(linear=Gmres()), Picard(step_scale=50.0)))
    assert record.status is Status.DIVERGED
    assert not record.status.measured
    assert record.reason.startswith("2 of 2 solves diverged: the residual grew by a factor of")
    assert record.lower_contraction is not None
    assert record.lower_contraction > 2


def test_a_program_that_is_too_large_is_not_run(
    records: Callable[..., list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The static figure stops a program that would bring the process down."""
    monkeypatch.setattr(memory_limit, "memory_limit", lambda: 1000.0)
    (record,) = records(group(Unrolled()))
    assert record.status is Status.OUT_OF_MEMORY
    assert "GiB" in record.reason
    assert record.memory_bytes is not None
    assert record.total_seconds is None


def test_jaxopt_differentiates_the_dual(records: Callable[..., list[Record]]) -> None:
    """The contender runs on the same arrays and comes near the reference."""
    (record,) = records(group(JaxoptImplicit()))
    assert record.relative_error is not None
    assert record.relative_error < 1e-3


def test_nothing_is_compiled_while_something_is_timed(
    records: Callable[..., list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads compile beside the tracing of others, and all are done before the clock starts."""
    going: list[int] = []
    begun, ended = [], []
    make = program._executable

    def counted(*arguments: Any) -> Any:
        begun.append(threading.current_thread())
        try:
            return make(*arguments)
        finally:
            ended.append(None)

    def timed(entries: dict[str, Any], settings: ClockSettings) -> dict[str, Any]:
        going.append(len(begun) - len(ended))
        return time_rounds(entries, settings)

    monkeypatch.setattr(program, "_executable", counted)
    monkeypatch.setattr(measure, "time_rounds", timed)
    (record,) = records(group(OneStep(), budget=Budget(2000, 1e-9)))
    assert record.status == "ok"
    assert going == [0]
    assert set(begun) - {threading.main_thread()}


def test_memory_is_weighed_of_what_computes_in_this_process(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the arguments; a failure costs that figure alone, and another process's memory is none of ours."""
    weighed = Workbench(Context(SUITES["smoke"], CLOCK, {}, [], weighed=True))
    monkeypatch.setattr(measure, "measured_peak", lambda call: 1000)

    def found() -> Record:
        return next(iter(weighed.measure(group(OneStep())))).record

    record = found()
    assert record.memory_bytes is not None
    assert record.peak_bytes is not None
    assert 1000 < record.peak_bytes < 1000 + record.memory_bytes
    monkeypatch.setattr(measure, "bench_traits_of", lambda method: BenchTraits(in_a_child=True))
    assert found().peak_bytes is None
    monkeypatch.undo()

    def fail(call: object) -> int:
        raise SystemExit(0)

    monkeypatch.setattr(measure, "measured_peak", fail)
    record = found()
    assert (record.status, record.peak_bytes) == (Status.OK, None)
    assert record.total_seconds is not None
    (unasked,) = workbench.measure(group(OneStep()))
    assert unasked.record.peak_bytes is None
