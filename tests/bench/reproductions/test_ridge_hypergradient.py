"""Hypergradients of ridge regularisers: the verdict on rows that must and must not hold, and a small run."""

import pytest

from hypergrad_bench.bench.reproductions import RidgeHypergradient
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from hypergrad_bench.bench.reproductions.ridge_hypergradient import measure as ridge
from hypergrad_bench.bench.reproductions.ridge_hypergradient.claim import count_targets
from hypergrad_bench.bench.reproductions.ridge_hypergradient.measure import BASE, CONTESTANTS
from hypergrad_bench.bench.reproductions.ridge_hypergradient.rows import RidgeRow
from hypergrad_bench.solvers import Budget


def _rows(ratio: float, error: float = 5e-3, status: str = "ok") -> list[RidgeRow]:
    base: RidgeRow = {
        "case": "8 of 64 x 64",
        "quick": False,
        "contestant": BASE,
        "status": "ok",
        "reason": "",
        "steps": 80,
        "adjoint_steps": 50,
        "gradient_error": 5e-3,
        "seconds": 10.0,
        "seconds_q1": 10.0,
        "seconds_q3": 10.0,
        "ratio": 1.0,
    }
    other: RidgeRow = {
        **base,
        "contestant": "another",
        "seconds": 10 * ratio,
        "ratio": ratio,
        "gradient_error": error,
        "status": status,
    }
    return [base, other]


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        (_rows(0.2), HOLDS),
        (_rows(0.3), DOES_NOT_HOLD),
        (_rows(0.2, error=0.02), NOT_MEASURED),
        (_rows(0.2, status="max_steps"), NOT_MEASURED),
        ([_rows(0.2)[0] | {"status": "adjoint_missed"}, _rows(0.2)[1]], NOT_MEASURED),
        ([], NOT_MEASURED),
    ],
)
def test_the_verdict_follows_the_rule(rows, outcome):
    assert [one.outcome for one in count_targets(rows)] == [outcome]
    assert RidgeHypergradient().page(rows).verdict


def test_a_reference_that_did_not_converge_judges_nobody(monkeypatch):
    early = ridge.REFERENCE._replace(budget=Budget(3, 1e-10))
    monkeypatch.setattr(ridge, "REFERENCE", early)
    monkeypatch.setattr(ridge, "CONTESTANTS", {ridge.BASE: CONTESTANTS[ridge.BASE]})
    (row,) = ridge.measure_ridge(ridge.RidgeCase(1, 8), quick=True)
    assert row["status"] == "ok"
    assert row["gradient_error"] is None


def test_a_small_batch_is_measured():
    entry = RidgeHypergradient()
    (case,) = entry.cases(quick=True)
    rows = entry.measure(case, quick=True)
    assert [row["contestant"] for row in rows] == list(CONTESTANTS)
    # Every route ends at the gradient that float64 finds.
    for row in rows:
        assert row["status"] == "ok"
        assert row["gradient_error"] is not None
        assert row["gradient_error"] < 0.01
        assert row["ratio"] is not None
    assert len(entry.page(rows).sections) == 2
