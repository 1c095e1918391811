"""Hard problems, two conditions and restarts: verdict rules on made-up rows, and their smallest cases."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from study_rows import quick_rows

from hypergrad_bench.bench.page import write_page
from hypergrad_bench.bench.reproductions import DeqVersusBilevel, Restarts, Stress, restarts, stress_verdict
from hypergrad_bench.bench.reproductions import deq_versus_bilevel as deq
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS
from hypergrad_bench.bench.reproductions.stress_problems import challenges, named
from hypergrad_bench.bench.reproductions.stress_truth import true_derivative
from hypergrad_bench.hypergrad import ClosedForm
from hypergrad_bench.solvers import Admm, Budget, solve


def stress_row(**changes: Any) -> dict[str, Any]:
    row = {
        "problem": "hard",
        "why": "made up",
        "kind": "l1",
        "method": "closed form",
        "left": [1.0],
        "right": [1.0],
        "kink": False,
        "truth_error": 1e-9,
        "gradient": [1.0],
        "error": 1e-3,
        "element": False,
        "status": "ok",
        "reason": "",
        "residual": 1e-4,
        "adjoint_residual": 1e-4,
        "contraction": 1.0,
        "error_bound": 1e-3,
        "ambiguous": 0,
        "dependent_rows": None,
    }
    return row | changes


WRONG = {"error": 0.5}
KINK = {"kink": True, "element": True}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "right"),
        ({"residual": 1.0}, "right"),
        (WRONG, "silently wrong"),
        ({"error": 1.1e-3}, "silently wrong"),
        (WRONG | {"residual": 1.0}, "silently wrong"),
        (WRONG | {"error_bound": 1.1e-3}, "flagged"),
        (WRONG | {"adjoint_residual": "not finite"}, "flagged"),
        (WRONG | {"contraction": 1.01}, "flagged"),
        (WRONG | {"ambiguous": 1}, "flagged"),
        (WRONG | {"dependent_rows": 2}, "flagged"),
        (WRONG | {"status": "max_steps"}, "flagged"),
        ({"error": None, "gradient": None}, "flagged"),
        ({"left": [0.0], "right": [0.0], "error": 1e-5}, "silently wrong"),
        ({"left": [0.0], "right": [0.0], "error": 1e-6}, "right"),
        (KINK, "silently wrong"),
        (KINK | {"ambiguous": 1}, "element"),
        (KINK | {"ambiguous": 1, "element": False}, "flagged"),
    ],
)
def test_the_word_for_a_row(changes: dict[str, Any], expected: str) -> None:
    """Bounds themselves are inside; whatever warns turns silence into a flag."""
    row = stress_row(**changes)
    assert stress_verdict.word(row, [row]) == expected


def test_what_is_wrong_on_the_control_is_biased() -> None:
    """Of the same kind only; and it leaves the count."""
    row, control = stress_row(**WRONG), stress_row(problem="l1 control", **WRONG)
    other = stress_row(problem="smooth control", kind="smooth", **WRONG)
    assert stress_verdict.word(row, [row, control]) == stress_verdict.word(control, [control]) == "biased"
    assert stress_verdict.word(row, [row, other]) == "silently wrong"
    judged = stress_verdict.judge([row, control])[0]
    assert (judged.met, judged.of, judged.left_out) == (0, 0, "2 biased")
    alarm = stress_row(residual=1.0, dependent_rows=1)
    assert stress_verdict.judge([row, control, alarm])[0].left_out == "2 biased, 1 right but warned"
    assert stress_verdict.judge([row])[0].outcome == DOES_NOT_HOLD
    assert stress_verdict.judge([stress_row()])[0].outcome == HOLDS


def test_the_stress_page_lists_what_is_silent(tmp_path: Path) -> None:
    refused = {key: stress_row()[key] for key in ("problem", "why", "kind", "left", "right", "kink")}
    refused |= {"method": "shine", "status": "not_supported", "reason": "no.", "truth_error": 0.0}
    page = Stress().page([stress_row(**WRONG), stress_row(method="unrolled"), refused])
    silent = next(one for one in page.sections if one.heading == "Silently wrong")
    assert [line[:3] for line in silent.lines] == [["hard", "closed form", "5.0e-01"]]
    assert len(write_page(page, tmp_path)) == 2
    assert Stress().page([]).verdict.startswith("Not measured: ")


def test_every_problem_is_named_once_and_shares_a_truth_that_exists() -> None:
    names = [one.name for one in challenges()]
    assert len(set(names)) == len(names)
    assert all(one.base in ["", *names] for one in challenges())
    assert named("float32").lower(jnp.zeros(3)).y.dtype == jnp.float32


def test_the_merging_values_differ_on_both_sides(tmp_path: Path) -> None:
    """By hand, on the rows of the quick reproduction: x1 = 1 - w and x2 = w until they meet at 1/2."""
    truth = true_derivative(named("kink: merging values"))
    assert truth.kink
    rows = quick_rows("stress", tmp_path / "run")["kink: merging values"]
    closed = next(row for row in rows if row["method"] == "closed form")
    assert closed["ambiguous"] == 1
    assert closed["gradient"] == pytest.approx([0.0], abs=1e-12)
    assert stress_verdict.word(closed, rows) == "element"


def test_the_closed_form_takes_a_tiny_cotangent() -> None:
    """The factorised route is linear in it, far below the root of the smallest number."""
    challenge = named("l1 inpainting")
    lower = challenge.lower(jnp.zeros(3))
    assert ClosedForm().route(lower) == "factorised optimality system"
    solution = jax.jit(lambda lower: solve(Admm(), Budget(50, 1e-4), lower))(lower)
    cotangent = jax.grad(challenge.loss)(solution.x)
    backward = jax.jit(lambda g: ClosedForm().backward(Admm(), Budget(), lower, solution, g))
    plain, _ = backward(cotangent)
    tiny, account = backward(1e-200 * cotangent)
    assert 0 < float(account.residual) < 1e-10
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(tiny), strict=True):
        np.testing.assert_allclose(np.asarray(other) * 1e200, one, rtol=1e-9, atol=1e-12)


def deq_row(rule: str, difference: float, **changes: Any) -> dict[str, Any]:
    row = {"case": "denoising", "rule": rule, "tolerance": 1e-8, "tightest": True, "residual": 1e-9}
    row |= {"bilevel_residual": 1e-9, "adjoint_residual": 1e-9, "contraction": 0.5, "bound": 4e-8}
    return row | {"difference": difference} | changes


def test_the_two_conditions_agree_at_the_bound(tmp_path: Path) -> None:
    rows = [deq_row("gmres", 4e-8), deq_row("one step", 0.5)]
    assert [one.outcome for one in deq.judge(rows)] == [HOLDS, HOLDS]
    assert deq.judge([deq_row("gmres", 4.1e-8)])[0].outcome == DOES_NOT_HOLD
    assert deq.judge([deq_row("damped", 1e-9)])[1].outcome == DOES_NOT_HOLD
    assert len(write_page(DeqVersusBilevel().page(rows), tmp_path)) == 2


def test_the_two_conditions_agree_on_the_smallest_case(tmp_path: Path) -> None:
    rows = quick_rows("deq-versus-bilevel", tmp_path / "run")[deq.QUICK_CASES[0]]
    assert [one.outcome for one in deq.judge(rows)] == [HOLDS, HOLDS]


def restart_rows(rate: float, case: str = "denoising") -> list[dict[str, Any]]:
    rows = []
    for over in ("layers", "restarts"):
        for steps in (1, 20, 30, 40):
            error = rate**steps
            rows.append({"case": case, "rho": 0.5, "over": over, "steps": steps})
            rows[-1] |= {"gradient_error": error, "x_error": error}
    return rows


def test_slopes_follow_rho(tmp_path: Path) -> None:
    """Within a tenth of log rho; an accelerated solver is not judged."""
    rows = restart_rows(0.5)
    assert restarts.slope(rows, "denoising", "layers") == pytest.approx(math.log(0.5))
    assert [one.outcome for one in restarts.judge(rows)] == [HOLDS, HOLDS]
    assert [one.outcome for one in restarts.judge(restart_rows(0.45))] == [DOES_NOT_HOLD] * 2
    assert restarts.judge(restart_rows(0.1, restarts.ACCELERATED[0]))[0].of == 0
    assert len(write_page(Restarts().page(rows), tmp_path)) == 2
