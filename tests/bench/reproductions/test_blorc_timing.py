"""BLORC's timing experiment: its contestants against the oracle, its verdict and page from made-up rows."""

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from l1_by_hand import gradients_by_hand, solve_by_hand

from hypergrad_bench.bench.machine.one_cpu import one_cpu
from hypergrad_bench.bench.report.page import page_markdown, write_page
from hypergrad_bench.bench.reproductions import BlorcTiming
from hypergrad_bench.bench.reproductions.blorc_timing import measure as blorc_measure
from hypergrad_bench.bench.reproductions.blorc_timing import peers as blorc_peers
from hypergrad_bench.bench.reproductions.blorc_timing.backward_share import BACKWARD_RULE, backward_shares
from hypergrad_bench.bench.reproductions.blorc_timing.contestants import (
    CLOSED_FORM,
    IMPLICIT_CG,
    ONE_STEP,
    QR_EXPRESSION,
    SVD_EXPRESSION,
    UNROLLED,
    gradient_of,
    our_contestants,
)
from hypergrad_bench.bench.reproductions.blorc_timing.peers import CVXPY, DIFFCP
from hypergrad_bench.bench.reproductions.blorc_timing.problem import (
    draw_signal,
    exact_gradient,
    lower_level,
)
from hypergrad_bench.bench.reproductions.blorc_timing.verdict import (
    DOES_NOT_HOLD,
    HOLDS,
    NOT_MEASURED,
    compare_targets,
    verdict,
)
from hypergrad_bench.bench.reproductions.relative_error import relative_error
from hypergrad_bench.hypergrad import random_directions, reference

N = 32


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    """The gradient by the oracle of the tests, from its own solve."""
    W, y, truth = (np.asarray(part) for part in draw_signal(N))
    u = np.zeros(N)
    for _ in range(20_000):
        u = np.clip(u - 100 * W @ (W.T @ u - y), -1, 1)
    solved = solve_by_hand(W, np.asarray(1.0), y, u)
    return gradients_by_hand(W, np.asarray(1.0), y, solved, 2 * (solved.x - truth) / N).W


def test_the_reference_is_the_oracles_gradient(exact: np.ndarray) -> None:
    """Three derivations agree: projection form, the tests' oracle, and the ladder's adjoint system."""
    signal = draw_signal(N)
    found = exact_gradient(signal)
    assert relative_error(found.gradient, exact) <= 1e-12
    lower = lower_level(signal)
    directions = random_directions(lower, 2, 0, ("regularizer",))
    ladder = reference(lower, lambda x: jax.numpy.mean(jax.numpy.square(x - signal.truth)), directions)
    assert relative_error(np.asarray(ladder.gradient.regularizer.W.matrix), found.gradient) <= 1e-12


def test_contestants_are_as_accurate_as_they_claim(exact: np.ndarray) -> None:
    """Closed form, both expressions and CG to 1e-8, unrolling to 1e-6; one-step is biased."""
    signal = draw_signal(N)
    contestants = our_contestants(signal, exact_gradient(signal))
    errors = {one.name: relative_error(gradient_of(one, signal), exact) for one in contestants}
    assert max(errors[name] for name in (CLOSED_FORM, SVD_EXPRESSION, QR_EXPRESSION, IMPLICIT_CG)) <= 1e-8
    assert errors[UNROLLED] <= 1e-6
    assert 0.05 < errors[ONE_STEP] < 1


def test_one_processor_and_back() -> None:
    """Every thread is bound while it lasts, and has its own processors again afterwards."""
    if not hasattr(os, "sched_getaffinity"):
        with one_cpu() as cpu:
            assert cpu is None
        return
    jax.numpy.ones(3).block_until_ready()  # starts JAX's threads
    threads = [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    with one_cpu() as cpu:
        assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset({cpu})}
    assert {thread: os.sched_getaffinity(thread) for thread in threads} == before


@pytest.fixture(scope="module")
def smallest() -> list[Any]:
    """The rows of the smallest size, on a machine without the extra."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blorc_measure, "installed", lambda module: False)
        entry = BlorcTiming()
        return entry.measure(entry.cases(quick=True)[0], quick=True)


def test_the_smallest_size_without_peers(smallest: list[Any]) -> None:
    """Ours have times and errors; each peer has a row that says how to install it."""
    assert json.loads(json.dumps(smallest, allow_nan=False)) == smallest
    assert {row["n"] for row in smallest} == {N}
    status = {row["contestant"]: row["status"] for row in smallest}
    assert status == dict.fromkeys(
        (CLOSED_FORM, SVD_EXPRESSION, QR_EXPRESSION, UNROLLED, IMPLICIT_CG, ONE_STEP), "ok"
    ) | dict.fromkeys((CVXPY, DIFFCP), "not_installed")
    for row in smallest:
        if row["status"] == "ok":
            assert 0 < row["solve_seconds"] < 1
            assert row["equal_accuracy"] is (row["contestant"] != ONE_STEP)
        else:
            assert "pip install 'hypergrad-bench[peers]'" in row["reason"]
    assert all(row["blas_threads"] == 1 for row in smallest)
    assert all(row["one_cpu"] is hasattr(os, "sched_setaffinity") for row in smallest)


def test_the_page_of_measured_rows_can_be_written(smallest: list[Any], tmp_path: Path) -> None:
    """A quick run has no verdict, and says why; the figure lies beside the text."""
    page = BlorcTiming().page(smallest)
    assert page.verdict == "Not measured: n = k = 100 is not among the sizes."
    paths = write_page(page, tmp_path)
    assert {path.name for path in paths} == {"README.md", "time_against_size.png"}
    assert "diffcp: not_installed" in paths[0].read_text()
    write_page(BlorcTiming().page([]), tmp_path)


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("cvxpy", "diffcp")),
    reason="needs the extra peers",
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [CVXPY, DIFFCP])
def test_peers_reach_equal_accuracy(name: str, exact: np.ndarray) -> None:
    """With the tolerance of its last resort each peer's gradient is right."""
    peer = blorc_peers.PEERS[name][1](draw_signal(N), 1e-8)
    assert relative_error(peer.gradient(), exact) <= 1e-6
    assert relative_error(peer.gradient(), exact) <= 1e-6  # nothing is kept from the first call


def test_installed_asks_for_both_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """diffcp without cvxpy is of no use."""
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    monkeypatch.setattr(
        blorc_peers.importlib.util, "find_spec", lambda name: None if name == "cvxpy" else object()
    )
    assert not blorc_peers.installed("diffcp")


def row(contestant: str, total_ratio: float, backward: float, **changes: Any) -> dict[str, Any]:
    """A row of n = k = 100 with a forward solve of one second."""
    seconds = {"solve": 1.0, "backward": backward, "total": 1.0 + backward}
    spread = {f"{name}_seconds{end}": value for name, value in seconds.items() for end in ("", "_q1", "_q3")}
    found = {
        "n": 100,
        "active_rows": 28,
        "one_cpu": True,
        "blas_threads": 1,
        "quick": False,
        "contestant": contestant,
        "setting": "some",
        "status": "ok",
        "reason": "",
        "relative_error": 1e-9,
        "equal_accuracy": True,
        "total_ratio": total_ratio,
    }
    return found | spread | changes


def rows_of(**changed: dict[str, Any] | None) -> list[Any]:
    """Rows in which everything holds, with some replaced, or left out."""
    rows = {
        "ours": row(CLOSED_FORM, 1.0, 0.1),
        "svd": row(SVD_EXPRESSION, 1.5, 0.2),
        "qr": row(QR_EXPRESSION, 1.4, 0.15),
        "unrolled": row(UNROLLED, 1.4, 0.3),
        "cg": row(IMPLICIT_CG, 1.4, 0.4),
        "one_step": row(ONE_STEP, 0.9, 0.01, relative_error=0.3, equal_accuracy=False),
        "cvxpy": row(CVXPY, 8.0, 0.5),
        "diffcp": row(DIFFCP, 30.0, 5.0),
    }
    return [one for one in (rows | changed).values() if one is not None]


def outcomes(rows: list[Any]) -> dict[tuple[str, str], str]:
    return {(one.target.contestant, one.target.quantity): one.outcome for one in compare_targets(rows)}


def test_a_verdict_that_holds() -> None:
    """The bounds themselves hold for the targets."""
    assert set(outcomes(rows_of()).values()) == {HOLDS}
    assert verdict(rows_of()).startswith("Holds: ")
    assert "ot hold" not in verdict(rows_of())


def test_a_verdict_that_does_not_hold() -> None:
    """Each comparison fails by itself: just below the bound, or equal where more is claimed."""
    rows = rows_of(
        cvxpy=row(CVXPY, 7.99, 0.5), qr=row(QR_EXPRESSION, 0.9, 0.1), cg=row(IMPLICIT_CG, 0.8, 0.05)
    )
    failed = {key for key, outcome in outcomes(rows).items() if outcome == DOES_NOT_HOLD}
    assert failed == {(CVXPY, "total"), (QR_EXPRESSION, "backward"), (IMPLICIT_CG, "backward")}
    assert "Does not hold: solve and gradient, against cvxpy" in verdict(rows)
    assert "(8 times)" not in verdict(rows)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"diffcp": None}, "not among the rows"),
        ({"diffcp": {**row(DIFFCP, 99, 9), "status": "timed_out", "reason": "60 s"}}, "60 s"),
        (
            {"diffcp": row(DIFFCP, 99, 9, relative_error=3e-3, equal_accuracy=False)},
            "its error stays at 3.0e-03",
        ),
        ({"ours": row(CLOSED_FORM, 1, 0.1, relative_error=2e-8)}, "the closed form's error is 2.0e-08"),
        ({"ours": row(CLOSED_FORM, 1, 0.1, status="failed")}, "the closed form was not timed"),
    ],
)
def test_a_verdict_that_is_not_measured(changed: dict[str, Any], reason: str) -> None:
    """Nothing is concluded from rows that are missing, unfinished or less accurate."""
    (found,) = {one.reason for one in compare_targets(rows_of(**changed)) if one.target.contestant == DIFFCP}
    assert found == reason
    assert outcomes(rows_of(**changed))[DIFFCP, "total"] == NOT_MEASURED
    assert "Not measured: " in verdict(rows_of(**changed))


def test_equal_accuracy_decides_which_setting_is_compared() -> None:
    """A default tolerance that is fast and wrong does not count."""
    fast = row(DIFFCP, 2.0, 0.01, relative_error=1e-3, equal_accuracy=False)
    assert outcomes([fast, *rows_of()])[DIFFCP, "total"] == HOLDS


def test_a_backward_pass_below_the_noise_is_no_verdict() -> None:
    """Solve with gradient minus solve can be negative; no ratio is formed of that."""
    found = outcomes(rows_of(ours=row(CLOSED_FORM, 1.0, -0.01)))
    assert {outcome for (_, quantity), outcome in found.items() if quantity == "backward"} == {NOT_MEASURED}
    assert found[CVXPY, "total"] == HOLDS


def shares_of(rows: list[Any]) -> dict[tuple[int, str], str]:
    return {(one.n, one.contestant): one.outcome for one in backward_shares(rows)}


def test_the_backward_pass_is_compared_at_every_length() -> None:
    """An equal time holds, a longer one does not; who is less accurate or was not timed is not compared."""
    slow = {**row(UNROLLED, 1.4, 0.0999), "n": 200}
    longer = [{**one, "n": 200} for one in rows_of(qr=row(QR_EXPRESSION, 1.4, 0.1), unrolled=None)]
    found = shares_of([*rows_of(), *longer, slow])
    assert found[200, QR_EXPRESSION] == found[100, QR_EXPRESSION] == HOLDS
    assert {key for key, outcome in found.items() if outcome != HOLDS} == {(200, UNROLLED)}
    assert found[200, UNROLLED] == DOES_NOT_HOLD
    assert not any(name == ONE_STEP for _, name in found)


def test_the_fastest_setting_of_a_contestant_is_compared_and_noise_is_not() -> None:
    """Either median below the clock's noise leaves nothing to compare."""
    assert shares_of([*rows_of(), row(DIFFCP, 30.0, 0.05)])[100, DIFFCP] == DOES_NOT_HOLD
    assert shares_of(rows_of(cg=row(IMPLICIT_CG, 1.0, -0.01)))[100, IMPLICIT_CG] == NOT_MEASURED
    assert set(shares_of(rows_of(ours=row(CLOSED_FORM, 1.0, 0.0))).values()) == {NOT_MEASURED}
    assert shares_of(rows_of(ours=None)) == {}


def test_the_page_shows_rule_tables_and_the_authors_figures(tmp_path: Path) -> None:
    """The rule stands above the tables; the authors' numbers are labelled as theirs."""
    rows = [*rows_of(), *({**one, "n": 200} for one in rows_of(cvxpy=row(CVXPY, 9.0, -0.1)))]
    page = BlorcTiming().page(rows)
    text = page_markdown(page)
    assert text.index("**Rule.**") < text.index("## n = k = 100") < text.index("## n = k = 200")
    assert "| one-step | some | 3.0e-01 |" in text
    assert "authors' released notebook, on their machine" in text
    assert "| closed form | 1.182 | 1.00 |" in text
    assert text.index(BACKWARD_RULE) < text.index("| 100 | autodiff of the expression (SVD) | 0.50 | holds |")
    assert [axes.get_xscale() for axes in page.figures["time_against_size"].axes] == ["log", "log"]
    write_page(page, tmp_path)


def test_the_figure_shows_every_median_above_the_clocks_noise() -> None:
    """The panels share an axis that reaches down to the fastest backward pass."""
    figure = BlorcTiming().page(rows_of(cg=row(IMPLICIT_CG, 1.0, 5e-6))).figures["time_against_size"]
    for axes in figure.axes:
        low, high = axes.get_ylim()
        heights = [height for line in axes.get_lines() for height in np.atleast_1d(line.get_ydata())]
        assert heights
        assert all(low < height < high for height in heights)


def test_quick_cases_are_the_small_ones() -> None:
    """The full run has the sizes of the comparison, n = k = 100 among them."""
    quick, full = ([case.name for case in BlorcTiming().cases(quick)] for quick in (True, False))
    assert quick == ["n = k = 32"]
    assert full[2:] == ["n = k = 100", "n = k = 200", "n = k = 400"]


@pytest.mark.slow
def test_the_quick_reproduction_runs_from_the_command_line(hgb: Callable[..., int], tmp_path: Path) -> None:
    """What CI runs, with whatever peers there are."""
    assert hgb("reproduce", "blorc-timing", "--quick", "--out", str(tmp_path / "quick")) == 0
    assert len((tmp_path / "quick" / "rows.jsonl").read_text().splitlines()) == 1
