"""Sweeps: which points a method has, one program for all tolerances, and the split of the error."""

import dataclasses

import jax
import numpy as np
import pytest

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.case import Case, Contestant, Instance
from hypergrad_bench.bench.grid.clock_settings import ClockSettings
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.inputs import make_inputs
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.grid.suites import SUITES
from hypergrad_bench.bench.grid.sweeps import at_tolerance, shares_program, without_tolerance
from hypergrad_bench.bench.measure.accuracy import Judgement
from hypergrad_bench.bench.measure.programs import solve_and_differentiate, with_tolerance
from hypergrad_bench.bench.measure.split import ErrorParts, split_error
from hypergrad_bench.bench.measure.workbench import Context, Workbench
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.hypergrad import ClosedForm, Implicit, OneStep, Unrolled
from hypergrad_bench.problems import AnalysisL1, Denoising, FieldsOfExperts, Photographs, PiecewiseConstant
from hypergrad_bench.solvers import Budget, Cg, DualFista, Minres, Nesterov

CLOCK = ClockSettings(rounds_min=1, rounds_max=1, seconds=0.01, warmup=1)
IMAGE = Instance(Denoising(), FieldsOfExperts, None, Photographs(), (8, 8), 2, "float64", 0)
SIGNAL = Instance(Denoising(), AnalysisL1, None, PiecewiseConstant(), (16,), 2, "float64", 0)
LINEAR = (Cg(), Minres())  # lineax's and our own


def contestants(**options: object) -> list[Contestant]:
    """The contestants of a frontier of one small problem."""
    selection = Selection(**{"suite": "frontier", "tasks": ("denoising",), **options})
    return [case.contestant for group in expand(request_of(selection, built_in())).groups for case in group]


def swept(method, tolerance: float, solver=None) -> Contestant:
    """A point of a sweep over tolerances."""
    start = Contestant(solver or Nesterov(), Budget(2000, 1e-6), method, sweep="swept")
    return at_tolerance(start, tolerance)


@pytest.fixture(scope="module")
def bench() -> Workbench:
    """A workbench that splits errors; it keeps references from one test to the next."""
    return Workbench(Context(SUITES["frontier"], CLOCK, {}, []))


def measured(bench: Workbench, instance: Instance, *points: Contestant) -> list[Record]:
    """Records of some contestants."""
    return [one.record for one in bench.measure([Case(instance, point) for point in points])]


def test_every_method_is_in_the_frontier_and_each_point_once() -> None:
    """Built-in methods that have no sweep would be missing without a word; later ones are asked for."""
    methods = {
        name: one for name, one in built_in().methods.items() if "contenders" not in type(one).__module__
    }
    later = SUITES["frontier"].methods_on_request
    found, asked = contestants(sizes=("8x8",)), contestants(sizes=("8x8",), methods=later)
    types = {type(one.method) for one in found}
    assert types == {type(one) for name, one in methods.items() if name not in later}
    assert {type(one.method) for one in asked} == {type(methods[name]) for name in later}
    assert all(one.sweep for one in (*found, *asked))
    both = expand(
        request_of(Selection(suite="frontier", tasks=("denoising",), sizes=("8x8",)), built_in())
    ).groups
    ids = [case.id for group in both for case in group]
    assert len(ids) == len(set(ids))


def test_the_adjoint_tolerance_is_tied_to_the_solvers() -> None:
    """A loose solve with a tight adjoint would be charged work that buys nothing."""
    found = contestants(regularizers=("fields-of-experts",), sizes=("8x8",), methods=("implicit",))
    tied = {(one.budget.tolerance, one.method.linear.tolerance) for one in found if one.sweep == "Implicit"}
    assert tied == {(tolerance, tolerance) for tolerance in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)}


def test_unrolling_is_swept_over_steps_and_biased_rules_over_their_own_setting() -> None:
    """Each at the tight tolerance."""
    found = contestants(regularizers=("fields-of-experts",), sizes=("8x8",))
    plain = [one.budget.max_steps for one in found if one.method == Unrolled()]
    assert plain == [10, 30, 100, 300]
    phantoms = [one for one in found if one.sweep == "Phantom"]
    assert [one.method.steps for one in phantoms] == [5, 50]
    assert {one.budget.tolerance for one in phantoms} == {1e-10}


def test_rules_that_move_one_parameter_after_the_other_meet_few() -> None:
    """993 parameters are refused with a sentence, 73 are not."""
    (refused,) = contestants(sizes=("32",), regularizers=("analysis-l1",), methods=("finite-difference",))
    assert "993" in refused.reason
    (taken,) = contestants(sizes=("8x8",), regularizers=("analysis-l1",), methods=("finite-difference",))
    assert taken.reason == ""


@pytest.mark.parametrize("option", [{"tolerance": 1e-3}, {"max_steps": 5}])
def test_a_sweep_takes_no_budget_of_the_users(option: dict[str, object]) -> None:
    """The options would be ignored without a word."""
    with pytest.raises(UserError, match="leave --tolerance and --max-steps out"):
        contestants(sizes=("8x8",), **option)


@pytest.mark.parametrize("linear", LINEAR, ids=lambda one: type(one).__name__)
def test_a_tolerance_that_is_an_argument_gives_what_a_constant_gives(linear) -> None:
    """The same numbers and steps, compiled for another tolerance."""
    inputs = make_inputs(IMAGE)
    shared = jax.jit(
        with_tolerance(solve_and_differentiate, without_tolerance(swept(Implicit(linear), 1e-4)))
    )
    fixed = jax.jit(solve_and_differentiate(swept(Implicit(linear), 1e-2)))(inputs)
    found = shared(inputs, np.float64(1e-2))
    assert np.array_equal(found.solution.steps, fixed.solution.steps)
    for one, other in zip(jax.tree.leaves(found.gradient), jax.tree.leaves(fixed.gradient), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_sweep_over_tolerances_is_compiled_once(bench: Workbench) -> None:
    """Three points, one program; its points are timed apart, and differ in their errors."""
    points = [swept(Implicit(), tolerance) for tolerance in (1e-2, 1e-5, 1e-8)]
    before = len(bench._programs._made)
    records = measured(bench, IMAGE, *points)
    assert len(bench._programs._made) == before + 1
    assert len({record.id for record in records}) == 3
    assert [record.retraces for record in records] == [0, 0, 0]
    errors = [record.relative_error for record in records]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e3 * errors[2]
    assert [record.tolerance for record in records] == [1e-2, 1e-5, 1e-8]
    assert {record.sweep for record in records} == {"swept"}
    assert {record.parameters for record in records} == {80}


def test_only_adjoint_methods_of_a_sweep_share_programs() -> None:
    """Unrolling needs a fixed number of steps, and the default suite stays as it was."""
    assert shares_program(swept(Implicit(), 1e-4))
    assert not shares_program(swept(Unrolled(), 1e-4))
    assert not shares_program(dataclasses.replace(swept(Implicit(), 1e-4), sweep=""))


def test_the_split_tells_a_loose_solve_from_a_loose_adjoint_and_a_biased_rule(bench: Workbench) -> None:
    """Each part is large where it was made so, and small elsewhere."""
    loose = Contestant(Nesterov(), Budget(2000, 1e-3), Implicit(Cg(tolerance=1e-12)))
    crude = Contestant(Nesterov(), Budget(2000, 1e-12), Implicit(Cg(tolerance=1e-2)))
    biased = Contestant(Nesterov(), Budget(2000, 1e-12), OneStep())
    first, second, third = measured(bench, IMAGE, loose, crude, biased)
    assert first.lower_error == pytest.approx(first.relative_error, rel=1e-3)
    assert first.adjoint_error < 1e-3 * first.lower_error
    assert second.lower_error < 1e-8
    assert second.adjoint_error == pytest.approx(second.relative_error, rel=1e-3)
    assert third.method_error == pytest.approx(third.relative_error, rel=1e-3)
    assert (first.method_error, third.adjoint_error) == (None, None)


def test_the_closed_form_on_a_loose_solution_errs_by_the_lower_level_alone(bench: Workbench) -> None:
    """Its factorisation leaves rounding; unrolling has no adjoint to split."""
    closed = Contestant(DualFista(), Budget(2000, 1e-3), ClosedForm())
    few = Contestant(DualFista(), Budget(50, 1e-10), Unrolled())
    record, unrolled = measured(bench, SIGNAL, closed, few)
    assert record.lower_error == pytest.approx(record.relative_error, rel=1e-6)
    assert record.adjoint_error < 1e-12
    assert (unrolled.lower_error, unrolled.adjoint_error, unrolled.method_error) == (None, None, None)


def test_parts_by_hand() -> None:
    """Reference (3, 4), exact adjoint (3, 5), method (4, 5): a fifth each; without a reference none."""
    judgement = Judgement("by hand", np.array([3.0, 4.0]), 1e-12)
    own, exact = np.array([4.0, 5.0]), np.array([3.0, 5.0])
    assert split_error(Implicit(), own, exact, judgement) == ErrorParts(0.2, adjoint_error=0.2)
    assert split_error(OneStep(), own, exact, judgement) == ErrorParts(0.2, method_error=0.2)
    assert split_error(OneStep(), own, exact, Judgement("none")) == ErrorParts()


def test_other_suites_do_not_split() -> None:
    """It costs a program per row, which only a frontier pays."""
    bench = Workbench(Context(SUITES["smoke"], CLOCK, {}, []))
    (one,) = bench.measure([Case(SIGNAL, Contestant(DualFista(), Budget(2000, 1e-8), ClosedForm()))])
    assert one.record.lower_error is None
    assert one.record.sweep == ""
