"""Hard problems, two conditions and restarts: verdict rules on made-up rows, and their smallest cases."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reproduction_rows import quick_rows

from hypergrad_bench.bench.report.page import write_page
from hypergrad_bench.bench.reproductions import DeqVersusBilevel, Restarts, Stress
from hypergrad_bench.bench.reproductions.counted import DOES_NOT_HOLD, HOLDS
from hypergrad_bench.bench.reproductions.deq_versus_bilevel import claim as deq
from hypergrad_bench.bench.reproductions.restarts import claim as restarts
from hypergrad_bench.bench.reproductions.stress import verdict as stress_verdict
from hypergrad_bench.bench.reproductions.stress.edges import without_column
from hypergrad_bench.bench.reproductions.stress.looks import asked_again, change, count_dependent_rows
from hypergrad_bench.bench.reproductions.stress.problems import challenges, named
from hypergrad_bench.bench.reproductions.stress.truth import true_derivative
from hypergrad_bench.hypergrad import ClosedForm, Solved, certified_solution
from hypergrad_bench.solvers import Admm, Budget, DualFista, GradientDescent, solve

# Traced once for all problems of one layout: without it each call is traced anew.
certified = jax.jit(certified_solution)


def stress_row(**changes: Any) -> dict[str, Any]:
    row = {
        "problem": "hard",
        "why": "made up",
        "kind": "l1",
        "quick": False,
        "method": "closed form",
        "rule": "ClosedForm()",
        "solver": "Admm()",
        "left": [1.0],
        "right": [1.0],
        "kink": False,
        "truth_error": 1e-9,
        "gradient": [1.0],
        "error": 1e-3,
        "element": False,
        "status": "ok",
        "reason": "",
        "steps": 100,
        "residual": 1e-4,
        "adjoint_residual": 1e-4,
        "adjoint_converged": True,
        "adjoint_steps": 7,
        "certified": None,
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
        (WRONG | {"status": "adjoint_missed"}, "flagged"),
        (WRONG | {"change": 1e-3}, "silently wrong"),
        (WRONG | {"change": 1.1e-3}, "flagged"),
        (WRONG | {"change": "not finite"}, "flagged"),
        (WRONG | {"change": None}, "silently wrong"),
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
    judged = stress_verdict.count_targets([row, control])[0]
    assert (judged.met, judged.of, judged.left_out) == (0, 0, "2 biased")
    alarm = stress_row(residual=1.0, dependent_rows=1)
    assert stress_verdict.count_targets([row, control, alarm])[0].left_out == "2 biased, 1 right but warned"
    assert stress_verdict.count_targets([row])[0].outcome == DOES_NOT_HOLD
    assert stress_verdict.count_targets([stress_row()])[0].outcome == HOLDS


def test_what_the_second_look_alone_tells_is_counted() -> None:
    """It is another run, which a record has only if somebody asked for it."""
    rows = [stress_row(**WRONG, change=0.1), stress_row(**WRONG, change=0.1, ambiguous=1)]
    assert stress_verdict.count_targets(rows)[0].left_out == "1 told by the second look alone"


def test_a_second_look_has_no_unit() -> None:
    """Nor does it see rounding of a derivative that is zero, or squares of a tiny one."""
    plain = named("l1 control")
    solution = solve(DualFista(), Budget(10), plain.lower(jnp.zeros(3)))
    one, other = np.asarray([3.0, 0.0, 4.0]), np.asarray([3.0, 0.0, 4.5])
    expected = 0.5 / np.linalg.norm(other)
    for scale in (1.0, 1e-200):
        scaled = plain._replace(scale=scale)
        assert change(scaled, solution, scale * one, scale * other) == pytest.approx(expected)
        assert change(scaled, solution, 1e-17 * scale * one, 1e-17 * scale * other) < 1e-12
    assert change(plain, solution, 0 * one, 0 * one) == 0
    infinite = np.asarray([np.inf, 0.0, 0.0])
    assert change(plain, solution, infinite, infinite) == change(plain, solution, one, infinite) == np.inf
    budget = asked_again(plain).budget
    assert (budget.max_steps, budget.tolerance) == (40_000, pytest.approx(1e-11))


def test_the_stress_page_lists_what_is_silent(tmp_path: Path) -> None:
    shared = ("problem", "why", "kind", "quick", "left", "right", "kink", "rule", "solver")
    refused = {key: stress_row()[key] for key in shared}
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


def test_the_derivative_by_a_weight_of_zero_is_the_formula() -> None:
    """dx* = -P w sign(w x*), P the projection on what the active rows do not see."""
    challenge = named("l1, weight of zero")
    lower = challenge.lower(jnp.zeros(1))
    point = certified(lower).point
    W, x = np.asarray(lower.regularizer.W.matrix), np.asarray(point.x)
    held = W[np.asarray(point.active)]
    assert 0 < len(held) < len(W)
    unseen = np.eye(x.size) - np.linalg.pinv(held) @ held
    moved = -np.sign(W[0] @ x) * (unseen @ W[0])
    truth = true_derivative(challenge)
    slope = 2 / x.size * (x - np.asarray(challenge.target))
    np.testing.assert_allclose(truth.right, [slope @ moved], rtol=1e-8)
    assert not truth.kink


def test_both_ends_of_a_split_are_the_lasso_without_a_column() -> None:
    """Up to the column all entries follow from the signs; a loss of A x cannot tell."""
    challenge, unseen = named("l1, equal columns"), named("l1, equal columns unseen")
    assert true_derivative(challenge).kink
    assert not true_derivative(unseen).kink
    lower = without_column(challenge, 1)(jnp.zeros(1))
    point = certified(lower).point
    support, A = ~np.asarray(point.active), np.asarray(lower.A.matrix)
    assert support[0]
    moved = np.zeros(3)
    gram = A[:, support].T @ A[:, support]
    moved[support] = -np.linalg.solve(gram, np.sign(np.asarray(point.x))[support])
    slope = 2 / 4 * (np.insert(point.x, 1, 0.0) - np.asarray(challenge.target))
    assert slope @ np.insert(moved, 1, 0.0) == pytest.approx(true_derivative(challenge).right[0], rel=1e-7)
    seen = 2 / 4 * (A @ point.x - np.asarray(unseen.target)) @ A @ moved
    assert seen == pytest.approx(true_derivative(unseen).right[0], rel=1e-7)


@pytest.mark.parametrize(("name", "factor"), [("l1, A = 100 I", 100.0), ("l1, A = I / 100", 0.01)])
def test_other_units_leave_the_solution(name: str, factor: float) -> None:
    """So that the truth is the control's."""
    theta = jnp.asarray([1e-3, -2e-3, 1e-3])
    lower, plain = named(name).lower(theta), named("l1 control").lower(theta)
    np.testing.assert_allclose(lower.y, factor * plain.y)
    x, expected = (certified(one).point.x for one in (lower, plain))
    np.testing.assert_allclose(x, expected, atol=1e-10)


@pytest.mark.parametrize("name", ["nothing measured", "l1, nothing measured"])
def test_nothing_measured_has_the_solution_zero(name: str) -> None:
    challenge = named(name)
    lower = challenge.lower(1e-3 * jnp.ones(3))
    solver = Admm() if not challenge.smooth else GradientDescent()
    np.testing.assert_allclose(solve(solver, Budget(50), lower).x, 0.0, atol=1e-14)
    assert not true_derivative(challenge).right.any()


@pytest.fixture(scope="module")
def quickly_found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The rows of the quick reproduction, by problem."""
    return quick_rows("stress", tmp_path_factory.mktemp("quick") / "run")


def test_one_conjugate_gradient_step_is_an_adjoint_missed(quickly_found: dict[str, list[Any]]) -> None:
    rows = quickly_found["smooth control"]
    missed = next(row for row in rows if row["method"] == "implicit, one cg step")
    assert (missed["status"], missed["adjoint_converged"]) == ("adjoint_missed", False)
    solved = next(row for row in rows if row["method"] == "implicit, cg")
    assert (solved["status"], solved["adjoint_converged"]) == ("ok", True)
    assert stress_verdict.word(missed, rows) == "flagged"


def test_active_rows_of_total_variation_are_dependent() -> None:
    """A cycle of four differences; without the dual variable, as of jaxopt, nobody can tell."""
    lower = named("kink: total variation").lower(jnp.zeros(3))
    solution = solve(DualFista(), Budget(5_000, 1e-10), lower)
    active = np.abs(np.asarray(solution.state.u)) < 0.1 * (1 - 1e-9)
    matrix = np.asarray(lower.regularizer.W.matrix)
    expected = active.sum() - np.linalg.matrix_rank(matrix[active])
    assert expected > 0
    assert count_dependent_rows(lower, DualFista(), solution) == expected
    assert count_dependent_rows(lower, DualFista(), solution._replace(state=None)) is None
    plain = named("l1 control").lower(jnp.zeros(3))
    assert count_dependent_rows(plain, DualFista(), solve(DualFista(), Budget(), plain)) == 0


def test_the_merging_values_differ_on_both_sides(quickly_found: dict[str, list[Any]]) -> None:
    """By hand, on the rows of the quick reproduction: x1 = 1 - w and x2 = w until they meet at 1/2."""
    truth = true_derivative(named("kink: merging values"))
    assert truth.kink
    rows = quickly_found["kink: merging values"]
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
    backward = jax.jit(lambda g: ClosedForm().backward(Solved(Admm(), Budget(), lower, solution), g))
    plain, _ = backward(cotangent)
    tiny, account = backward(1e-200 * cotangent)
    assert 0 < float(account.residual) < 1e-10
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(tiny), strict=True):
        np.testing.assert_allclose(np.asarray(other) * 1e200, one, rtol=1e-9, atol=1e-12)


def deq_row(rule: str, difference: float, **changes: Any) -> dict[str, Any]:
    row = {"case": "denoising", "quick": False, "rule": rule, "tolerance": 1e-8, "tightest": True}
    row |= {"status": "ok", "residual": 1e-9, "steps": 40}
    row |= {"bilevel_residual": 1e-9, "adjoint_residual": 1e-9, "contraction": 0.5, "bound": 4e-8}
    return row | {"difference": difference} | changes


def test_the_two_conditions_agree_at_the_bound(tmp_path: Path) -> None:
    rows = [deq_row("gmres", 4e-8), deq_row("one step", 0.5)]
    assert [one.outcome for one in deq.count_targets(rows)] == [HOLDS, HOLDS]
    assert deq.count_targets([deq_row("gmres", 4.1e-8)])[0].outcome == DOES_NOT_HOLD
    assert deq.count_targets([deq_row("damped", 1e-9)])[1].outcome == DOES_NOT_HOLD
    assert len(write_page(DeqVersusBilevel().page(rows), tmp_path)) == 2


def test_the_two_conditions_agree_on_the_smallest_case(tmp_path: Path) -> None:
    rows = quick_rows("deq-versus-bilevel", tmp_path / "run")[deq.QUICK_CASES[0].name]
    assert [one.outcome for one in deq.count_targets(rows)] == [HOLDS, HOLDS]


def restart_rows(rate: float, case: str = "denoising") -> list[dict[str, Any]]:
    rows = []
    for over in ("layers", "restarts"):
        for steps in (1, 20, 30, 40):
            error = rate**steps
            rows.append({"case": case, "solver": "GradientDescent()", "quick": False})
            rows[-1] |= {"rho": 0.5, "over": over, "steps": steps}
            rows[-1] |= {"gradient_error": error, "x_error": error}
    return rows


def test_slopes_follow_rho(tmp_path: Path) -> None:
    """Within a tenth of log rho; an accelerated solver is not judged."""
    rows = restart_rows(0.5)
    assert restarts.slope(rows, "denoising", "layers") == pytest.approx(math.log(0.5))
    assert [one.outcome for one in restarts.count_targets(rows)] == [HOLDS, HOLDS]
    assert [one.outcome for one in restarts.count_targets(restart_rows(0.45))] == [DOES_NOT_HOLD] * 2
    assert restarts.count_targets(restart_rows(0.1, restarts.ACCELERATED[0]))[0].of == 0
    assert len(write_page(Restarts().page(rows), tmp_path)) == 2
