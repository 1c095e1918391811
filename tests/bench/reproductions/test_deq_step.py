"""A step of a deep equilibrium model beside deepinv's: the verdict, and that both differentiate one model."""

import numpy as np
import pytest

from hypergrad_bench.bench.reproductions.deq_step import measure
from hypergrad_bench.bench.reproductions.deq_step.claim import DeqStep, count_targets
from hypergrad_bench.bench.reproductions.deq_step.in_deepinv import missing
from hypergrad_bench.bench.reproductions.deq_step.ours import OurStep, exact_gradient, ways
from hypergrad_bench.bench.reproductions.deq_step.problem import DeqCase, draw_batch
from hypergrad_bench.bench.reproductions.deq_step.rows import DeqRow
from hypergrad_bench.bench.reproductions.relative_error import relative_error

CASE = DeqCase(2, 8, 3, 3, 5)


def row(library: str, what: str, error: float, ratio: float | None = None, **changes: object) -> DeqRow:
    made: DeqRow = {
        "case": "one",
        "quick": False,
        "library": library,
        "what": what,
        "threads": 2,
        "forward_seconds": 0.1,
        "seconds": 0.3,
        "error": error,
        "over_exact": ratio,
        "over_jacobian_free": ratio,
        "reference_residual": 1e-12,
        "version": "0.5.0",
        "status": "ok",
        "reason": "",
    }
    return {**made, **changes}  # pyright: ignore


ITERATED = row(measure.DEEPINV, measure.ITERATED, 1e-4)
FREE = row(measure.DEEPINV, measure.JACOBIAN_FREE, 2e-2)


@pytest.mark.parametrize(
    ("ours", "outcomes"),
    [
        ([("one step", 2e-2, 0.4), ("implicit", 1e-4, 0.5)], ["holds", "holds"]),
        ([("one step", 2e-2, 0.4), ("implicit", 1e-4, 0.51)], ["does not hold", "holds"]),
        ([("one step", 3e-2, 0.1)], ["does not hold", "does not hold"]),
    ],
)
def test_only_gradients_that_are_as_good_count(ours, outcomes):
    rows = [ITERATED, FREE, *(row(measure.OURS, *one) for one in ours)]
    assert [one.outcome for one in count_targets(rows)] == outcomes
    page = DeqStep().page(rows)
    assert "seconds_against_error" in page.figures


def test_what_missed_its_tolerance_does_not_count():
    missed = row(measure.OURS, "implicit", 1e-5, 0.1, status="max_steps", reason="the budget ran out")
    assert [one.outcome for one in count_targets([ITERATED, FREE, missed])] == ["does not hold"] * 2


def test_a_case_without_an_exact_gradient_is_left_out():
    ours = row(measure.OURS, "implicit", 1e-5, 0.1)
    rows = [{**one, "reference_residual": 1e-9} for one in (ITERATED, FREE, ours)]
    for target in count_targets(rows):  # pyright: ignore
        assert target.outcome == "not measured"
        assert "the exact gradient has a residual above 1e-10" in target.left_out
    assert "Residual of the exact gradient: 1e-09" in DeqStep().page(rows).sections[1].text


def test_without_deepinv_there_is_a_sentence_and_no_verdict(monkeypatch):
    monkeypatch.setattr(
        measure, "missing", lambda: "deepinv not installed; the extra 'torch-peers' brings it"
    )
    rows = DeqStep().measure(CASE, quick=True)
    absent = [one for one in rows if one["library"] == measure.DEEPINV]
    assert {one["status"] for one in absent} == {"not_installed"}
    assert {one["seconds"] for one in absent} == {None}
    ours = [one for one in rows if one["library"] == measure.OURS]
    assert all(one["seconds"] and one["error"] and one["over_exact"] is None for one in ours)
    assert "the extra 'torch-peers' brings it" in DeqStep().page(rows).verdict
    assert [one.outcome for one in count_targets(rows)] == ["not measured"] * 2


def test_more_iterations_come_nearer_to_the_exact_gradient():
    batch = draw_batch(CASE)
    exact, residual = exact_gradient(batch)
    assert residual < 1e-11
    errors = [
        relative_error(OurStep.compiled(ways(steps, ())["the same iterations"], batch).found(), exact)
        for steps in (5, 60)
    ]
    assert errors[1] < 1e-3 * errors[0]


@pytest.mark.skipif(missing() is not None, reason="the extra 'torch-peers' is not installed")
def test_deepinv_differentiates_the_same_model():
    case = DeqCase(2, 8, 3, 3, 80)
    batch = draw_batch(case)
    exact, _ = exact_gradient(batch)
    built = measure.build_theirs(case, batch)
    assert built.reason == ""
    assert list(built.steps) == measure.peers()
    for who, one in built.steps.items():
        error = relative_error(np.asarray(one.gradient(), np.float64), exact)
        assert error < (1e-3 if who.what == measure.ITERATED else 1.0)
