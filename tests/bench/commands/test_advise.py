"""Advice from recorded results: scaled, ranked, and honest about what it does not know."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import identity, measured

from hypergrad_bench.bench.commands.advise import bytes_of, caveats
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.report.advice import Question, advise, recorded_problems

FOLDER = Path("somewhere")
MIB = 2.0**20
ASKED = Question((64, 64), 80, "float64", 1e-4)
Hgb = Callable[..., int]


def row(sweep: str, side: int, seconds: float, mebibytes: float, error: float = 1e-7, **changes) -> Record:
    """A record of an image problem with 80 parameters."""
    fixed = {
        "sweep": sweep,
        "method": f"{sweep}()",
        "regularizer": "fields-of-experts",
        "size": f"{side}x{side}",
        "batch": 1,
        "total_seconds": seconds,
        "memory_bytes": mebibytes * MIB,
        "relative_error": error,
        "reference_error": 1e-9,
        "parameters": 80,
        "tolerance": error,
    }
    return measured(**(fixed | changes))


def advice_on(question: Question, *records: Record):
    (found,) = advise(question, recorded_problems({FOLDER: records}))
    return found


def test_the_recorded_size_needs_no_scaling() -> None:
    """Where the very problem was recorded, its numbers are the estimate."""
    found = advice_on(
        ASKED, row("Slow", 64, 2.0, 1.0), row("Quick", 64, 1.0, 5.0), row("Wrong", 64, 0.1, 1.0, 0.5)
    )
    assert [(one.method, one.seconds, one.memory) for one in found.options] == [
        ("Quick", 1.0, 5 * MIB),
        ("Slow", 2.0, 1 * MIB),
    ]
    assert found.missed == (("Wrong", "DualFista()", 0.5),)
    assert not any("extrapolated" in line for line in caveats(ASKED, found))


def test_one_size_is_scaled_in_proportion_and_said_to_be_far() -> None:
    """16 times the pixels, twice the batch."""
    question = Question((64, 64), 80, "float64", 1e-4, batch=2)
    found = advice_on(question, row("A", 16, 0.5, 3.0))
    assert found.options[0].seconds == pytest.approx(0.5 * 16 * 2)
    assert found.options[0].memory == pytest.approx(3 * MIB * 16 * 2)
    said = " ".join(caveats(question, found))
    assert "extrapolated to 16 times the pixels: linear" in said
    assert "nothing recorded is near" in said
    assert "batch of 1" in said


def test_two_sizes_give_the_power() -> None:
    """Memory grows with the square of the pixels; time less than linearly, which is taken as linear."""
    records = (row("A", 16, 1.0, 1.0), row("A", 32, 2.0, 16.0))
    found = advice_on(ASKED, *records)
    assert found.nearest.pixels == 32 * 32
    assert found.options[0].powers == pytest.approx((1.0, 2.0))
    assert found.options[0].memory == pytest.approx(16 * 16 * MIB)
    assert found.options[0].seconds == pytest.approx(2.0 * 4)


def test_only_methods_that_move_one_parameter_after_the_other_are_scaled_by_them() -> None:
    """Ten times the parameters."""
    question = Question((64, 64), 800, "float64", 1e-4)
    found = advice_on(question, row("FiniteDifference", 64, 1.0, 1.0), row("Implicit", 64, 1.0, 1.0))
    assert {one.method: one.seconds for one in found.options} == {"FiniteDifference": 10.0, "Implicit": 1.0}
    assert any("80 parameters" in line for line in caveats(question, found))


def test_the_limit_of_memory_is_compared_with_the_estimate() -> None:
    """4 MiB fit into 4 MiB and not into 3.9; no figure fits only without a limit."""
    found = advice_on(ASKED, row("A", 64, 1.0, 4.0))
    (option,) = found.options
    for limit, fits in ((None, True), (4 * MIB, True), (3.9 * MIB, False)):
        assert option.fits(Question((64, 64), 80, "float64", 1e-4, limit)) is fits


def test_machines_are_not_mixed_and_precisions_neither() -> None:
    """Each folder is a candidate of its own; float32 records say nothing about float64."""
    folders = {Path("one"): [row("A", 64, 1.0, 1.0)], Path("two"): [row("B", 32, 1.0, 1.0)]}
    (found,) = advise(ASKED, recorded_problems(folders))
    assert (found.nearest.folder, found.second) == (Path("one"), None)
    with pytest.raises(UserError, match=r"nothing recorded .* images, float32; recorded: denoising"):
        advise(Question((64, 64), 80, "float32", 1e-4), recorded_problems(folders))
    with pytest.raises(UserError, match="signals, float64"):
        advise(Question((64,), 80, "float64", 1e-4), recorded_problems(folders))


def test_older_records_tell_their_parameters_by_their_start() -> None:
    """Fields of experts start with eight filters of 3 x 3 and eight weights."""
    (one,) = recorded_problems({FOLDER: [row("A", 16, 1.0, 1.0, parameters=None)]})
    assert one.parameters == 80


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GiB", 2 * 2**30), ("500 MB", 5e8), ("1.5kib", 1536), ("1e9", 1e9), ("64B", 64)],
)
def test_memory_is_read_with_its_unit(text: str, expected: float) -> None:
    """Powers of two and of ten, in any case."""
    assert math.isclose(bytes_of(text), expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with two methods."""
    with Journal(tmp_path / "run").writer() as writer:
        writer.append(row("Implicit(linear=Cg)", 16, 0.001, 1.0, id=identity(1)))
        writer.append(row("OneStep", 16, 0.0005, 1.0, error=0.9, id=identity(2)))
    return tmp_path / "run"


def test_the_command_prints_the_rows_that_say_so(
    folder: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verdict, record and caveats; with too little memory another verdict."""
    asked = ("advise", "--size", "32x32", "--params", "80", "--from", str(folder))
    assert hgb(*asked, "--memory", "8MiB") == 0
    printed = capsys.readouterr().out
    assert "use Implicit(linear=Cg) with DualFista" in printed
    assert identity(1) in printed
    assert "extrapolated to 4 times the pixels" in printed
    assert "OneStep (9.0e-1)" in printed
    assert hgb(*asked, "--memory", "1MiB") == 0
    assert "no method that reaches the accuracy is within the memory" in capsys.readouterr().out
    assert hgb(*asked, "--accuracy", "1e-8") == 0
    assert "no recorded method reaches the accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "32x"), "size is '32x'"),
        (("--task", "denoisng"), "did you mean 'denoising'?"),
        (("--regularizer", "field"), "unknown regularizer 'field'"),
        (("--dtype", "float16"), "unknown dtype 'float16'"),
        (("--memory", "2 apples"), "memory is '2 apples'"),
        (("--accuracy", "2"), "accuracy is 2"),
        (("--from", "nowhere"), "cannot read nowhere"),
    ],
)
def test_what_a_user_must_mend_is_said(
    arguments: tuple[str, str], message: str, folder: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, with what is accepted."""
    given = {"--size": "32x32", "--params": "80", "--from": str(folder)} | dict([arguments])
    assert hgb("advise", *(part for pair in given.items() for part in pair)) == 2
    assert message in capsys.readouterr().err


def test_without_any_run_the_way_out_is_named(
    hgb: Hgb, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder has no results/, and a package that somebody stripped has none either."""
    monkeypatch.setattr("hypergrad_bench.bench.runs.recorded.SHIPPED", Path("nowhere"))
    assert hgb("advise", "--size", "32", "--params", "8") == 2
    assert "--from" in capsys.readouterr().err


def test_in_an_empty_folder_the_runs_of_the_package_answer(
    hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """They come with it, in a checkout and in a wheel."""
    assert hgb("advise", "--size", "64", "--params", "4033", "--task", "denoising") == 0
    assert "results/frontier-cpu" in capsys.readouterr().out


def test_a_record_of_an_impossible_size_is_named_and_left_out(
    folder: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the record's size that is wrong, not the user's."""
    lines = Journal(folder).path.read_text().splitlines()
    Journal(folder).path.write_text("\n".join([lines[0], lines[1].replace('"16x16"', '"16by16"')]) + "\n")
    assert hgb("advise", "--size", "32x32", "--params", "80", "--from", str(folder)) == 0
    shown = capsys.readouterr()
    assert "records.jsonl:2: field 'size' holds '16by16'" in shown.err
    assert "use Implicit(linear=Cg)" in shown.out
    assert "OneStep" not in shown.out
