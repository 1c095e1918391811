"""The verdict on adaptive accuracy on rows that no run made, and a quick run."""

from pathlib import Path
from typing import Any

import pytest
from reproduction_rows import quick_rows

from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import AdaptiveAccuracy
from hypergrad_bench.bench.reproductions.adaptive_accuracy.page import count_targets
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS, NOT_MEASURED

BASE: dict[str, Any] = {"case": "one", "size": "8 x 8", "quick": False, "share": 1.0, "status": "ok"}
BASE |= {
    "reason": "",
    "steps": 9,
    "taken": 8,
    "risen": 0,
    "gradients": 100,
    "products": 20,
    "start_psnr": 20.0,
}


def row(kind: str, given: float, psnr: float, loss: float, **changes: Any) -> dict[str, Any]:
    own = {"contestant": f"{kind} {given:g}", "kind": kind, "given": given}
    return BASE | own | {"test_psnr": psnr, "training_loss": loss} | changes


ROWS = [
    row("adaptive", 0.1, 25.009, 0.0100),
    row("adaptive", 0.01, 24.991, 0.0101),
    row("fixed", 0.1, 24.0, 0.02),
    # Better on the test images, which choose nothing.
    row("fixed", 1e-6, 25.3, 0.011),
    row("fixed", 1e-3, 25.0, 0.0099, risen=3),
    row("stochastic", 0.1, 27.0, 0.005, risen=4),
]


def outcomes(rows: list[Any]) -> list[str]:
    return [one.outcome for one in count_targets(rows)]


def test_the_rule_holds_within_its_limits() -> None:
    assert outcomes(ROWS) == [HOLDS] * 4
    early = row("adaptive", 0.1, 10.0, 1.0, share=0.5, risen=2)
    assert outcomes([*ROWS, early]) == [HOLDS] * 4


@pytest.mark.parametrize(
    ("claim", "which", "changes"),
    [
        (0, 0, {"test_psnr": 25.011}),
        (1, 1, {"test_psnr": 24.989}),
        (3, 1, {"risen": 1}),
    ],
)
def test_each_claim_can_fail(claim: int, which: int, changes: dict[str, Any]) -> None:
    rows = [one | changes if number == which else one for number, one in enumerate(ROWS)]
    expected = [DOES_NOT_HOLD if number == claim else HOLDS for number in range(4)]
    assert outcomes(rows) == expected


def test_where_every_fixed_tolerance_is_as_good_there_is_nothing_to_know() -> None:
    rows = [one | {"test_psnr": 25.0} if one["kind"] == "fixed" else one for one in ROWS]
    assert outcomes(rows)[2] == DOES_NOT_HOLD


def test_what_ran_out_of_steps_is_left_out_and_said(tmp_path: Path) -> None:
    cut = [one | {"status": "max_steps", "reason": "steps"} for one in ROWS if one["kind"] != "stochastic"]
    found = count_targets(cut)
    assert [one.outcome for one in found[:3]] == [NOT_MEASURED] * 3
    assert found[0].left_out == "5 not ok"
    assert len(write_page(AdaptiveAccuracy().page(cut), tmp_path)) >= 2


def test_a_quick_run_trains_all_kinds_and_certified_steps_lower_the_loss(tmp_path: Path) -> None:
    (rows,) = quick_rows("adaptive-accuracy", tmp_path / "quick").values()
    assert {one["kind"] for one in rows} == {"adaptive", "fixed", "stochastic"}
    last = [one for one in rows if one["share"] == 1]
    assert all(one["taken"] >= 3 and one["test_psnr"] > 10 for one in last)
    adaptive = [one for one in rows if one["kind"] == "adaptive"]
    assert all(one["risen"] == 0 for one in adaptive)
    assert adaptive[-1]["training_loss"] < adaptive[0]["training_loss"]
