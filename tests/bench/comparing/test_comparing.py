"""Two runs whose differences are known: planted ones are found, and no others."""

import json
from pathlib import Path

import numpy as np
import pytest
from synthetic_records import identity, measured

from hypergrad_bench.bench.comparing.comparison_tables import (
    case_table,
    differing,
    method_table,
    otherwise_table,
    regressions,
)
from hypergrad_bench.bench.comparing.otherwise import otherwise
from hypergrad_bench.bench.comparing.paired import match
from hypergrad_bench.bench.comparing.slower import LEVEL, method_changes
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status

METHODS = ("ClosedForm()", "Implicit()", "OneStep()", "Unrolled()", "Shine()", "Restarted()")
SIZES = ("16", "32", "64", "128")


def run(seed: int, machine: float = 1.0, slower: dict[str, float] | None = None) -> list[Record]:
    """A run on a noisy machine that is slower at times, with some methods slower than they were."""
    random = np.random.default_rng(seed)
    records = []
    for place, size in enumerate(SIZES):
        busy = machine * random.uniform(1, 2)
        for rank, method in enumerate(METHODS):
            noise = np.exp(0.05 * random.normal())
            seconds = 1e-3 * (rank + 1) * (place + 1) * busy * noise * (slower or {}).get(method, 1.0)
            number = len(METHODS) * place + rank
            records.append(measured(id=identity(number), size=size, method=method, total_seconds=seconds))
    return records


def test_two_runs_of_the_same_code_differ_in_nothing() -> None:
    """Twenty times, on machines that are up to three times as slow the second time."""
    for seed in range(20):
        changes = method_changes(match(run(2 * seed), run(2 * seed + 1, machine=1 + seed / 10)))
        assert [one.method for one in changes if one.significant] == []


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_slowdown_is_found_in_that_method_alone(seed: int) -> None:
    """Of 1.3, between runs on a machine that changes its pace; and a gain of as much."""
    for factor, word in ((1.3, "slower"), (1 / 1.3, "faster")):
        matched = match(run(2 * seed), run(2 * seed + 1, 1.4, {"Implicit()": factor}))
        changes = method_changes(matched)
        (found,) = [one for one in changes if one.significant]
        assert found.method == "Implicit"
        assert found.ratio == pytest.approx(factor, rel=0.15)
        assert found.p is not None
        assert found.p <= LEVEL
        (line,) = [line for line in method_table(changes, matched.pace).lines if line[-1] != "no change"]
        assert (line[0], line[-1]) == ("Implicit", word)


def test_the_pace_is_what_all_lost() -> None:
    """It is told, and is nobody's change."""
    slow = [one.model_copy(update={"total_seconds": 2.5 * (one.total_seconds or 0)}) for one in run(0)]
    matched = match(run(0), slow)
    assert matched.pace == pytest.approx(2.5)
    changes = method_changes(matched)
    assert [(one.raw, one.ratio) for one in changes] == [pytest.approx((2.5, 1.0))] * len(METHODS)
    assert not any(one.significant for one in changes)


def test_a_method_with_many_cases_does_not_hide_its_own_slowdown() -> None:
    """The pace is that of the other methods, each once, however many records one has."""

    def records(slower: float) -> list[Record]:
        many = [f"Unrolled(steps={number})" for number in range(20)]
        return [
            measured(
                id=identity(100 * place + rank),
                size=size,
                method="Unrolled()" if method in many else method,
                max_steps=rank,
                total_seconds=1e-3
                * (rank + 1)
                * (slower if method in many else 1.0)
                * (1 + 0.01 * ((rank * place) % 3)),
            )
            for place, size in enumerate((*SIZES, "256"))
            for rank, method in enumerate([*many, *METHODS[:3], "Shine()"])
        ]

    changes = method_changes(match(records(1.0), records(3.0)))
    assert [(one.method, round(one.ratio, 3)) for one in changes if one.significant] == [("Unrolled", 3.0)]


def test_one_case_proves_nothing() -> None:
    """However much slower it is: with nothing beside it, and on one problem, where it is said."""
    assert method_changes(match([measured()], [measured(total_seconds=9.0)])) == []
    one_problem = [one for one in run(0) if one.size == "16"]
    slow = [
        one.model_copy(update={"total_seconds": 100.0}) if one.method == "OneStep()" else one
        for one in one_problem
    ]
    changes = method_changes(match(one_problem, slow))
    assert {one.p for one in changes} == {None}
    assert {line[-1] for line in method_table(changes, 1.0).lines} == {"cannot tell"}


def test_what_does_not_depend_on_the_machine_is_compared_one_by_one() -> None:
    """A status, an error and a size; what the reference cannot tell is no change."""
    before = [
        measured(id=identity(1)),
        measured(id=identity(2)),
        measured(id=identity(3)),
        measured(id=identity(4), relative_error=1e-15),
        measured(id=identity(5), status=Status.MAX_STEPS),
        measured(id=identity(7)),
        measured(id=identity(8), status=Status.FAILED),
        measured(id=identity(9), input_hashes={".y": "1"}),
    ]
    after = [
        measured(id=identity(1), status=Status.FAILED, relative_error=None, memory_bytes=None),
        measured(id=identity(2), relative_error=1e-3),
        measured(id=identity(3), memory_bytes=2 * 2**20),
        measured(id=identity(4), relative_error=1e-13),
        measured(id=identity(5)),
        measured(id=identity(6)),
        measured(id=identity(7), total_seconds=None),
        measured(id=identity(8), status=Status.MAX_STEPS),
        measured(id=identity(9), input_hashes={".y": "2"}, relative_error=1.0),
    ]
    matched = match(before, after)
    assert (len(matched.pairs), matched.only_before, matched.only_after, matched.other_inputs) == (7, 0, 1, 1)
    found = otherwise(matched)
    assert [(one.figure, one.verdict) for one in found] == [
        ("status", "worse"),
        ("error", "worse"),
        ("total ms", "worse"),
        ("memory MiB", "better"),
        ("status", "better"),
        ("status", "better"),
    ]
    assert [line[-4:] for line in otherwise_table(found).lines][1] == ["error", "2.3e-7", "1.0e-3", "worse"]
    assert len(regressions(matched, [], found, 1.1)) == 3
    assert regressions(match(before, after[1:]), [], [], 1.1) == ["1 cases have no record after"]


def test_times_without_a_ratio_are_no_times() -> None:
    """A clock that says 1e-320 seconds and then 1e300 says nothing."""
    huge, tiny = (measured(total_seconds=seconds) for seconds in (1e300, 1e-320))
    assert [match([one], [other]).pace for one, other in ((huge, tiny), (tiny, huge))] == [None, None]


def test_single_cases_are_listed_by_how_far_they_moved() -> None:
    """Up or down."""
    after = run(0)
    after[7] = after[7].model_copy(update={"total_seconds": 5 * (after[7].total_seconds or 0)})
    lines = case_table(match(run(0), after)).lines
    assert (lines[0][-1], lines[0][-2]) == (after[7].id, "5.00")


def test_environments_that_differ_are_named() -> None:
    """All but the commit, which is what one compares."""
    before = {"jax": "0.10", "cpu_model": "A", "commit": "1", "dirty": False}
    said = differing(before, before | {"cpu_model": "B", "commit": "2", "blas_threads": 1})
    assert len(said) == 2
    assert said[0].startswith("cpu_model was A before and is B after")


def folder(path: Path, records: list[Record]) -> Path:
    """The folder of a run."""
    path.mkdir()
    about = {
        "selection": {"suite": "default"},
        "cases": len(records),
        "command": ["hgb"],
        "created": "2026-01-02",
    }
    (path / "run.json").write_text(json.dumps(about | {"environment": {"jax": "0.10"}}))
    (path / "records.jsonl").write_text("".join(record.to_line() + "\n" for record in records))
    return path


def test_the_command_ends_with_1_on_a_regression_if_asked(hgb, tmp_path, capsys) -> None:
    """And with 0 where it is not asked, or nothing is slower."""
    before, same = folder(tmp_path / "before", run(0)), folder(tmp_path / "same", run(1))
    slower = folder(tmp_path / "slower", run(2, slower={"OneStep()": 1.5}))
    assert hgb("compare", str(before), str(same), "--fail-above", "1.2") == 0
    assert hgb("compare", str(before), str(slower)) == 0
    assert hgb("compare", str(before), str(slower), "--fail-above", "3") == 0
    capsys.readouterr()
    assert hgb("compare", str(before), str(slower), "--fail-above", "1.2") == 1
    output, messages = capsys.readouterr()
    assert "Times by method" in output
    assert "regression: OneStep takes 1." in messages
    assert "24 cases in both" in messages


def test_runs_without_a_case_in_common_are_refused(hgb, tmp_path, capsys) -> None:
    """With what is accepted; a folder that is no run too."""
    one = folder(tmp_path / "one", [measured(id=identity(1))])
    other = folder(tmp_path / "other", [measured(id=identity(2))])
    assert hgb("compare", str(one), str(other)) == 2
    assert "no case in common" in capsys.readouterr().err
    assert hgb("compare", str(one), str(tmp_path / "none")) == 2
