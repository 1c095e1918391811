"""The verdict on certified inexactness, on rows that no run made."""

from typing import Any

import pytest

from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import CertifiedInexactness
from hypergrad_bench.bench.reproductions.certified_inexactness.page import count_targets
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS

BASE = {"case": "one", "size": "12 x 12", "quick": False, "status": "ok", "reason": ""}
BASE |= {"reference_error": 1e-9, "steps": 10, "residual": 1e-4, "adjoint_steps": 5, "adjoint_residual": 1e-5}


def at_tolerances(**changes: Any) -> dict[str, Any]:
    row = BASE | {"kind": "tolerances", "tolerance": 1e-3, "adjoint_tolerance": 1e-4}
    row |= {"error": 1e-3, "bound": 1e-2, "lower_level": 5e-3, "adjoint": 0.0, "outer": 5e-3}
    return row | changes


def at_accuracy(**changes: Any) -> dict[str, Any]:
    row = BASE | {"kind": "accuracy", "accuracy": 1e-2, "error": 1e-3, "bound": 1e-2}
    return row | {"reached": True} | changes


ROWS = [at_tolerances(), at_accuracy(), at_accuracy(accuracy=1e-4, error=1e-5, bound=1e-4, steps=20)]


def outcomes(rows: list[dict[str, Any]]) -> list[str]:
    return [one.outcome for one in count_targets(rows)]


def test_the_rule_holds_at_its_limits() -> None:
    assert outcomes(ROWS) == [HOLDS] * 5
    assert outcomes([*ROWS, at_tolerances(bound=1e-3)]) == [HOLDS] * 5
    assert outcomes([at_tolerances(bound=0.1), *ROWS[1:]]) == [HOLDS] * 5


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        (0, at_tolerances(error=1.1e-2)),
        (1, at_tolerances(case="other", bound=0.11)),
        (2, at_accuracy(accuracy=9e-4, steps=15)),
        (3, at_accuracy(bound=1.1e-2, steps=10)),
        (3, at_accuracy(reached=False)),
        (4, at_accuracy(accuracy=1e-3, bound=1e-3, steps=21)),
    ],
)
def test_each_claim_can_fail(claim: int, row: dict[str, Any]) -> None:
    """A single row is enough."""
    found = outcomes([*ROWS, row])
    assert found[claim] == DOES_NOT_HOLD


def test_a_case_without_a_reference_says_so(tmp_path: Any) -> None:
    failed = {"case": "two", "size": "12 x 12", "quick": False, "kind": "tolerances"}
    failed |= {"status": "failed", "reason": "not trusted"}
    page = CertifiedInexactness().page([*ROWS, failed])
    assert ["two", "not trusted", *[""] * 6] in page.sections[1].lines
    assert len(write_page(page, tmp_path)) >= 1
