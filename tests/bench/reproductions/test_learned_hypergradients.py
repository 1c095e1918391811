"""Verdicts on learned models and the cost of equilibria, on made-up rows, and the smallest cases."""

from pathlib import Path
from typing import Any

import pytest
from reproduction_rows import quick_rows

from hypergrad_bench.bench.measure import memory_limit
from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import EquilibriumCost, LearnedHypergradients
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED
from hypergrad_bench.bench.reproductions.equilibrium_cost import claim as equilibrium_cost
from hypergrad_bench.bench.reproductions.equilibrium_cost.measure import METHODS, SECONDS
from hypergrad_bench.bench.reproductions.learned_hypergradients import claim as learned_hypergradients
from hypergrad_bench.bench.reproductions.learned_hypergradients.measure import RULES

pytestmark = pytest.mark.optimised


def model_rows(**changes: Any) -> list[dict[str, Any]]:
    row = {"regularizer": "red", "task": "denoising", "quick": False, "method": "implicit", "error": 1e-5}
    row |= {"finite": True, "status": "ok", "reason": "", "steps": 9, "residual": 1e-13, "contraction": 0.5}
    row |= {"adjoint_residual": 1e-12, "derivatives": [0.1, 0.2, 0.3], "kink": False}
    others = [row | {"method": name, "error": 0.5} for name in RULES]
    return [row | changes, *others]


def test_the_implicit_rule_is_judged_where_it_can_be(tmp_path: Path) -> None:
    count_targets = learned_hypergradients.count_targets
    assert count_targets(model_rows())[0].outcome == HOLDS
    assert count_targets(model_rows(error=1.1e-5))[0].outcome == DOES_NOT_HOLD
    for left_out in ({"kink": True}, {"status": "diverged", "reason": "no"}, {"error": None}):
        (one,) = count_targets(model_rows(**left_out))
        assert (one.outcome, one.left_out[0]) == (NOT_MEASURED, "1")
    assert count_targets(model_rows(error=None, finite=False))[0].outcome == DOES_NOT_HOLD
    rows = model_rows() + [row | {"task": "inpainting"} for row in model_rows(kink=True)]
    page = LearnedHypergradients().page(rows)
    assert page.sections[2].lines[0][:2] == ["red", "ok, kink"]
    assert len(write_page(page, tmp_path)) == 2


def test_the_smallest_model_is_right(tmp_path: Path) -> None:
    rows = quick_rows("learned-hypergradients", tmp_path / "run")
    assert list(rows) == [case.name for case in learned_hypergradients.QUICK]
    untied, ridge = rows.values()
    assert [learned_hypergradients.count_targets(one)[0].outcome for one in (untied, ridge)] == [HOLDS, HOLDS]
    errors = {row["method"]: row["error"] for row in untied}
    assert errors["phantom, 50"] < errors["phantom, 5"] < errors["one step"]


def cost_rows(implicit: float = 100.0, bend: float = 1.0) -> list[dict[str, Any]]:
    limit = {"case": "memory", "memory_limit_bytes": 900 * 2**20, "quick": False, "compile_seconds": 1.0}
    sizes = {"implicit": lambda _: implicit, "one step": lambda _: 90.0}
    rows = []
    for steps in (1, 10, 30, 100):
        for name in METHODS:
            memory = sizes.get(name, lambda steps: 50 + 30 * steps)(steps)
            rows.append(limit | {"method": name, "steps": steps, "memory_bytes": memory * 2**20})
    rows[0]["memory_bytes"] *= bend
    rows[-2]["memory_bytes"] *= bend
    return rows


def test_constant_and_linear_memory_are_told_from_others(tmp_path: Path) -> None:
    rows = cost_rows()
    assert [one.outcome for one in equilibrium_cost.count_targets(rows)] == [HOLDS, HOLDS]
    assert "30.0 MiB an iteration" in equilibrium_cost.count_targets(rows)[1].detail
    assert [one.outcome for one in equilibrium_cost.count_targets(cost_rows(bend=1.1))] == [DOES_NOT_HOLD] * 2
    flat = [row | {"memory_bytes": 100.0} for row in rows]
    assert [one.outcome for one in equilibrium_cost.count_targets(flat)] == [HOLDS, DOES_NOT_HOLD]
    two_numbers = [row for row in rows if row["steps"] <= 10]
    assert [one.outcome for one in equilibrium_cost.count_targets(two_numbers)] == [HOLDS, NOT_MEASURED]
    unknown = [row | {"memory_bytes": None} for row in rows]
    assert [one.outcome for one in equilibrium_cost.count_targets(unknown)] == [NOT_MEASURED] * 2
    assert EquilibriumCost().page(unknown).sections[1].lines[0][1] == "unknown"
    page = EquilibriumCost().page(rows)
    unrolled = next(line for line in page.sections[1].lines if line[0] == "unrolled")
    assert unrolled[1:] == ["80", "350", "950 (out of memory)", "3050 (out of memory)"]
    assert len(write_page(page, tmp_path)) == 2


def test_the_smallest_network_keeps_the_claim_and_is_timed(tmp_path: Path) -> None:
    rows = quick_rows("equilibrium-cost", tmp_path / "run")
    assert [one.outcome for one in equilibrium_cost.count_targets(rows["memory"])] == [HOLDS, HOLDS]
    timed = rows["seconds"]
    assert [(row["status"], row["steps"]) for row in timed] == [("ok", 30)] * 2
    assert timed[0]["adjoint_steps"] is None
    assert 1 <= timed[1]["adjoint_steps"] <= 30
    assert all(row["seconds"] > 0 for row in timed)


def test_what_does_not_fit_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EquilibriumCost()
    monkeypatch.setattr(memory_limit, "memory_limit", lambda: 1000.0)
    refused = entry.measure(SECONDS, quick=True)
    assert [row.get("status") for row in refused] == ["out_of_memory"] * 2
    assert "the limit is 0.0 GiB" in entry.page(refused).sections[2].lines[0][3]
