"""Advice from recorded results: ranked, and honest about how far the nearest record is."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import identity, measured

from hypergrad_bench.bench.commands.advise import bytes_of
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.report.advice import Advice, Question, advise, fit, recorded_problems
from hypergrad_bench.bench.report.advice_table import advice_table, remarks
from hypergrad_bench.bench.runs.run_file import run_folder

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


def advice_on(question: Question, *records: Record) -> Advice:
    """The advice that these records give, all in one folder."""
    (advice,) = advise(question, recorded_problems({FOLDER: records}, lambda record: record.parameters))
    return advice


def test_the_recorded_problem_answers_for_itself() -> None:
    """Where the very problem was recorded, its rows are the answer, the fastest first."""
    records = row("Slow", 64, 2.0, 1.0), row("Quick", 64, 1.0, 5.0), row("Wrong", 64, 0.1, 1.0, 0.5)
    advice = advice_on(ASKED, *records)
    assert [option.method for option in advice.options] == ["Quick", "Slow"]
    assert advice.missed == (("Wrong", "DualFista()", 0.5),)
    assert "the recorded problem is of your size" in remarks(ASKED, advice)[0]


def test_a_smaller_record_is_shown_as_it_is_and_said_to_be_far() -> None:
    """16 times the pixels, twice the batch, ten times the parameters: the seconds are the recorded ones."""
    question = Question((64, 64), 800, "float64", 1e-4, batch=2)
    advice = advice_on(question, row("A", 16, 0.5, 3.0))
    (line,) = advice_table(question, advice).lines
    assert line[3:5] == ["500", "3.00"]
    said = " ".join(remarks(question, advice))
    for words in ("16x16; yours has 16 times the pixels", "batch (1; yours is 2)", "(80; yours are 800)"):
        assert words in said
    assert "of that problem, size 16x16" in said
    assert "task, regulariser and precision are those named above" in said


def test_the_nearest_size_is_taken() -> None:
    """In factors: 32 x 32 is nearer to 64 x 64 than 256 x 256 is."""
    records = [row("A", side, float(side), 1.0) for side in (16, 32, 256)]
    advice = advice_on(ASKED, *records)
    assert (advice.nearest.problem.size, advice.options[0].point.seconds) == ("32x32", 32.0)


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [
        (64, 4.0, "yes"),  # of the same size: the record tells
        (64, 3.9, "no"),
        (32, 4.0, "yes"),  # smaller than the recorded problem: it needs no more
        (32, 3.9, "unknown"),
        (128, 4.0, "unknown"),  # larger: it may need more
        (128, 3.9, "no"),
    ],
)
def test_the_limit_of_memory_is_judged_only_where_the_record_tells(
    side: int, limit: float, expected: str
) -> None:
    """Memory grows with the size: a record of 64 x 64 bounds smaller problems above, larger ones below."""
    question = Question((side, side), 80, "float64", 1e-4, limit * MIB)
    advice = advice_on(question, row("A", 64, 1.0, 4.0))
    assert fit(question, advice.nearest, advice.options[0].point) == expected
    best = advice.best(question)
    assert (best is None) == (expected == "no")
    heading = advice_table(question, advice).heading
    assert ("was not measured" in heading) == (expected == "unknown")


def test_a_method_that_fits_comes_before_a_faster_one_that_may() -> None:
    """The faster one has no figure of memory."""
    question = Question((64, 64), 80, "float64", 1e-4, 4 * MIB)
    records = row("Quick", 64, 1.0, 1.0, memory_bytes=None), row("Slow", 64, 2.0, 1.0)
    best = advice_on(question, *records).best(question)
    assert best is not None
    assert best.method == "Slow"


def test_machines_are_not_mixed_and_precisions_neither() -> None:
    """Each folder is a candidate of its own; float32 records say nothing about float64."""
    folders = {Path("one"): [row("A", 64, 1.0, 1.0)], Path("two"): [row("B", 32, 1.0, 1.0)]}
    recorded = recorded_problems(folders, lambda record: record.parameters)
    (advice,) = advise(ASKED, recorded)
    assert [option.method for option in advice.options] == ["A"]
    assert advice.nearest.folder == Path("one")
    with pytest.raises(UserError, match=r"nothing recorded .* images, float32; recorded: denoising"):
        advise(Question((64, 64), 80, "float32", 1e-4), recorded)
    with pytest.raises(UserError, match="signals, float64"):
        advise(Question((64,), 80, "float64", 1e-4), recorded)


def test_older_records_tell_their_parameters_by_their_start(
    tmp_path: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fields of experts start with eight filters of 3 x 3 and eight weights; others' start is unknown."""
    old = {"parameters": None, "id": identity(1)}
    for name, regularizer in (("known", "fields-of-experts"), ("strange", "of-a-plug-in")):
        with run_folder(tmp_path / name).journal.writer() as writer:
            writer.append(row("A", 16, 1.0, 1.0, regularizer=regularizer, **old))
    for name, words in (("known", "float64, 80 parameters"), ("strange", "an unknown number of parameters")):
        assert hgb("advise", "--size", "16x16", "--params", "80", "--from", str(tmp_path / name)) == 0
        assert words in capsys.readouterr().out


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
    with run_folder(tmp_path / "run").journal.writer() as writer:
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
    assert "use Implicit(linear=Cg) with DualFista, if it fits: its memory at your size" in printed
    assert identity(1) in printed
    assert "16x16; yours has 4 times the pixels" in printed
    assert "OneStep (9.0e-1)" in printed
    assert hgb(*asked, "--memory", "0.9MiB") == 0
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
    lines = run_folder(folder).journal.path.read_text().splitlines()
    run_folder(folder).journal.path.write_text(
        "\n".join([lines[0], lines[1].replace('"16x16"', '"16by16"')]) + "\n"
    )
    assert hgb("advise", "--size", "32x32", "--params", "80", "--from", str(folder)) == 0
    shown = capsys.readouterr()
    assert "records.jsonl:2: field 'size' holds '16by16'" in shown.err
    assert "use Implicit(linear=Cg)" in shown.out
    assert "OneStep" not in shown.out
