"""The arithmetic of costs, figures, errors and predictions, on numbers that are known."""

import datetime
import math
from pathlib import Path

import pytest
from synthetic_records import identity, measured

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.scaling import analysis_costs, smooth_costs
from hypergrad_bench.bench.scaling.far_predictions import FarPrediction
from hypergrad_bench.bench.scaling.figure_fit import (
    CostPoint,
    Misjudged,
    fit_device,
    misjudged,
    own_factors,
)
from hypergrad_bench.bench.scaling.filter_problem import FilterProblem
from hypergrad_bench.bench.scaling.grid_seconds import (
    GroupSeconds,
    bottleneck_workers,
    grid_seconds,
    group_seconds,
)
from hypergrad_bench.bench.scaling.network_costs import drunet
from hypergrad_bench.bench.scaling.page_places import fill
from hypergrad_bench.bench.scaling.program_cost import CALL, DeviceFigures, ProgramCost, ProgramWork
from hypergrad_bench.bench.scaling.shown_numbers import duration, size, two_digits, within
from hypergrad_bench.bench.scaling.smooth_costs import Effort
from hypergrad_bench.bench.scaling.written_call import WrittenCall, written_call

DEVICE = DeviceFigures(flop=2e-11, moved_byte=1e-10, loop=5e-6, call=1e-4)
PROBLEM = FilterProblem(32 * 32)


def point(method: str, effort: Effort, seconds: float | None, held: float | None = None) -> CostPoint:
    cost = {"one step": smooth_costs.one_step, "unrolled": smooth_costs.unrolled}[method](PROBLEM, effort)
    return CostPoint(method, "here", 1024, cost, seconds, held)


def timed_by(device: DeviceFigures) -> list[CostPoint]:
    """Programs whose seconds are exactly what a device's figures say."""
    made = [
        CostPoint("any", "", 1, ProgramCost(work, 1.0), device.seconds(work), None)
        for size in (8, 16, 32, 64)
        for work in (
            smooth_costs.one_step(FilterProblem(size**2), Effort(size)).work,
            smooth_costs.unrolled(FilterProblem(size**2), Effort(40)).work,
            smooth_costs.lbfgs(FilterProblem(size**2), 25),
        )
    ]
    return made


def test_figures_are_found_again() -> None:
    found = fit_device(timed_by(DEVICE))
    assert found.prices == pytest.approx(DEVICE.prices, rel=1e-6)


def test_a_figure_that_nothing_shows_is_zero_and_none_is_negative() -> None:
    """Seconds that fall with the work of one kind do not make its figure negative."""
    works = [ProgramWork(1e6 * k, 1e6 * (4 - k) ** 2, 7 - k, 1) for k in (1, 2, 3)]
    points = [CostPoint("any", "", 1, ProgramCost(work, 1.0), 1e-11 * work.flops, None) for work in works]
    found = fit_device(points)
    assert min(found.prices) >= 0
    assert found.flop == pytest.approx(1e-11)
    assert found.moved_byte == found.call == 0
    with pytest.raises(UserError, match="need programs that were timed"):
        fit_device([one._replace(seconds=None) for one in points])


def test_errors_and_factors_by_hand() -> None:
    one = point("one step", Effort(10), None)
    right = DEVICE.seconds(one.cost.work)
    points = [one._replace(seconds=right / 2), one._replace(seconds=right), one._replace(seconds=4 * right)]
    assert misjudged(points, DEVICE) == {"one step": Misjudged(pytest.approx(1.0), pytest.approx(4.0), 3)}
    factors = own_factors(points[2:], DEVICE)
    assert factors == {"one step": pytest.approx(4.0)}
    assert misjudged(points[:1], DEVICE, factors)["one step"].ratio == pytest.approx(8.0)
    assert misjudged(points, DEVICE, {}) == {}
    assert misjudged([one._replace(held_bytes=2 * one.cost.held_bytes)], None)["one step"].worst == 2


def test_costs_grow_as_the_rules_say() -> None:
    """Unrolling holds a tape per step, checkpoints the root of it, implicit rules none."""
    few, many = Effort(100), Effort(400)
    tape = smooth_costs.tape(PROBLEM)

    def held(rule: smooth_costs.SmoothCost, effort: Effort) -> float:
        return rule(PROBLEM, effort).held_bytes

    assert held(smooth_costs.unrolled, many) - held(smooth_costs.unrolled, few) == 300 * tape
    assert held(smooth_costs.implicit_cg, many) == held(smooth_costs.implicit_cg, few)
    assert held(smooth_costs.unrolled, Effort(400, taped=7)) - 7 * tape == pytest.approx(
        held(smooth_costs.unrolled, Effort(0))
    )
    assert held(smooth_costs.unrolled_checkpoints, many) < 0.1 * held(smooth_costs.unrolled, many)
    assert held(smooth_costs.unrolled_recursive, many) < 0.02 * held(smooth_costs.unrolled, many)
    four = FilterProblem(4 * PROBLEM.pixels)
    assert smooth_costs.gradient(four).flops == 4 * smooth_costs.gradient(PROBLEM).flops
    more = FilterProblem(PROBLEM.pixels, filters=16)
    ratio = (
        smooth_costs.finite_difference(more, few).work.loops
        / smooth_costs.finite_difference(PROBLEM, few).work.loops
    )
    assert ratio == pytest.approx(2, rel=0.01)


def test_a_factor_grows_by_a_level_per_doubling() -> None:
    """12 r^2 n numbers each; deconvolution's reach is twice that of the filters."""
    held = [
        analysis_costs.closed_form_factorised(FilterProblem(side**2), 2).held_bytes / side**2 / 8
        for side in (64, 128, 256)
    ]
    assert held[1] - held[0] == pytest.approx(48)
    assert held[2] - held[1] == pytest.approx(48)


def test_the_published_network_has_as_many_parameters_as_it_is_known_for() -> None:
    assert drunet().parameters == pytest.approx(32.64e6, rel=1e-3)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"pixels": 0}, "at least 1"), ({"task": "guessing"}, "task must be one of denoising")],
)
def test_a_problem_that_is_none_is_refused(changed: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FilterProblem(**({"pixels": 4} | changed))


def test_names_in_records_are_read_and_not_run() -> None:
    read = written_call("Implicit(linear=Cg(tolerance=0.01), on='fixed-point', damping=-1.0)")
    assert read == WrittenCall(
        "Implicit",
        {"linear": WrittenCall("Cg", {"tolerance": 0.01}), "on": "fixed-point", "damping": -1.0},
    )
    assert written_call("Nesterov()") == WrittenCall("Nesterov", {})
    for text in ("implicit", "1 +", "__import__('os').system", ""):
        with pytest.raises(UserError, match="not the name of a solver or a method"):
            written_call(text)


def test_groups_are_timed_from_the_records_of_a_run(tmp_path: Path) -> None:
    """Three seconds a record where programs are compiled, one where they are there."""
    begun = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    records, passed = [], 0
    for seed in (0, 1):
        for number in range(4):
            passed += 1 if seed else 3
            created = (begun + datetime.timedelta(seconds=passed)).isoformat()
            records.append(
                measured(id=identity(10 * seed + number), seed=seed, max_steps=number, created=created)
            )
    with Journal(tmp_path / "records.jsonl", Record).writer() as writer:
        writer.append_all(records)
    found = group_seconds(tmp_path)
    assert found == GroupSeconds((9.0,), (4.0,), 4.0)
    with Journal(tmp_path / "one" / "records.jsonl", Record).writer() as writer:
        writer.append_all(records[:4])
    with pytest.raises(UserError, match="needs two"):
        group_seconds(tmp_path / "one")


def test_a_grid_by_hand() -> None:
    """Two problems, 20 s to compile and measure a group, 5 s to measure it: 100 groups on 10 workers."""
    one = GroupSeconds((20.0, 20.0), (5.0,), 8.0)
    found = grid_seconds(one, groups=100, workers=10)
    assert found.alone == 2 * 15 + 100 * 5
    assert found.slowest == 10 * 20
    assert found.fastest == 10 * 5 + 15
    assert found.groups_per_second == 0.5
    assert bottleneck_workers(100.0, 20.0) == 2000
    with pytest.raises(ValueError, match="at least 1"):
        grid_seconds(one, 0, 10)


def test_what_is_predicted_fits_or_does_not_by_its_range() -> None:
    prediction = FarPrediction("any", 1.0, 2.0, 100.0, 2.0)
    assert [prediction.fits(limit) for limit in (200.0, 100.0, 49.0)] == ["yes", "perhaps", "no"]
    assert prediction._replace(beside_bytes=1000.0).fits(1000.0) == "no"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (duration(0.00031), "310 µs"),
        (duration(95.0), "95 s"),
        (duration(3 * 86400), "3 days"),
        (size(3 * 2**30), "3 GiB"),
        (size(100), "100 B"),
        (two_digits(1234567.0), "1,200,000"),
        (two_digits(math.inf), "unknown"),
        (within(10.0, 2.0, "seconds"), "10 s (5 s to 20 s)"),
        (within(2.0**31, None, "bytes"), "2 GiB, not checked"),
    ],
)
def test_numbers_are_shown_in_units_that_fit(shown: str, text: str) -> None:
    assert shown == text


def test_a_page_s_places_are_filled_or_refused() -> None:
    page = "a\n<!-- table: one -->\nold\n<!-- end of table -->\nb\n"
    filled = fill(page, {"one": "new"})
    assert filled == "a\n<!-- table: one -->\n\nnew\n\n<!-- end of table -->\nb\n"
    assert fill(filled, {"one": "new"}) == filled
    with pytest.raises(UserError, match="places for one; there are tables for two"):
        fill(page, {"two": "new"})


def test_work_is_added_and_repeated() -> None:
    assert 3 * (ProgramWork(1, 2, 3, 4) + CALL) == ProgramWork(3, 6, 9, 15)
