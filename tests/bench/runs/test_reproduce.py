"""`hgb reproduce`: any reproduction is listed, measured case by case, stopped and resumed, or refused."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hypergrad_bench.bench import reproductions
from hypergrad_bench.bench.report.page import Page
from hypergrad_bench.bench.report.text_table import TextTable
from hypergrad_bench.bench.reproductions.reproduction import NamedCase, Reproduction, summary
from hypergrad_bench.bench.reproductions.rows import RecordedRow
from hypergrad_bench.bench.runs.reproduce import built_in_reproductions
from hypergrad_bench.bench.runs.reproduction_file import REPRODUCTION_FILE, ROWS
from hypergrad_bench.problems.values.configuration import configuration

Hgb = Callable[..., int]


@dataclass(frozen=True)
class Letter:
    """The smallest case: nothing but its name."""

    name: str


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Register a reproduction of three cases that notes what it measures, and stops at case c if told so."""
    noted: list[str] = []

    @configuration
    class Letters:
        """How many letters are there?"""

        def cases(self, quick: bool) -> Sequence[Letter]:
            return [Letter(name) for name in ("ab" if quick else "abc")]

        def measure(self, case: Letter, quick: bool) -> list[RecordedRow]:
            noted.append(case.name)
            if noted[-2:] == ["stop", "c"]:
                raise KeyboardInterrupt
            return [{"letter": case.name, "quick": quick, "turn": len(noted)}]

        def page(self, rows: Sequence[RecordedRow]) -> Page:
            lines = [[str(row["letter"]), str(row["turn"])] for row in rows]
            section = TextTable("Letters", "Each counts.", ("letter", "turn"), lines)
            return Page("Letters", "How many?", "All count.", [section], f"there are {len(rows)}")

    monkeypatch.setattr(reproductions, "Letters", Letters, raising=False)
    return noted


@pytest.fixture
def interrupted(measured: list[str], hgb: Hgb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that Ctrl-C stopped in its last case."""
    folder = tmp_path / "stopped"
    original = reproductions.Letters.measure  # pyright: ignore

    def stopping(self: object, case: Letter, quick: bool) -> list[RecordedRow]:
        if case.name == "c" and len(measured) == 2:
            measured.append("stop")
        return original(self, case, quick)

    monkeypatch.setattr(reproductions.Letters, "measure", stopping)  # pyright: ignore
    assert hgb("reproduce", "letters", "--out", str(folder)) == 130
    return folder


def letters(folder: Path) -> list[str]:
    return [json.loads(line)["case"] for line in (folder / ROWS).read_text().splitlines()]


def test_every_reproduction_keeps_the_protocol_and_names_its_cases() -> None:
    """What the registry holds can be listed, and its cases can be told apart."""
    entries = built_in_reproductions()
    assert "blorc-timing" in entries
    for entry in entries.values():
        assert isinstance(entry, Reproduction)
        assert summary(entry)
        for quick in (True, False):
            cases = list(entry.cases(quick))
            assert cases
            assert all(isinstance(case, NamedCase) for case in cases)
            assert len({case.name for case in cases}) == len(cases)


def test_without_a_name_all_are_listed(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """Every name stands beside its sentence."""
    assert hgb("reproduce") == 0
    assert "blorc-timing" in capsys.readouterr().out


def test_a_run_leaves_rows_and_a_page(
    measured: list[str], hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, provenance and page lie in the folder; the terminal shows the page and where it is."""
    assert hgb("reproduce", "letters", "--quick", "--out", str(tmp_path / "new")) == 0
    assert measured == ["a", "b"]
    shown = capsys.readouterr().out
    assert "Verdict: there are 2" in shown
    assert "Rule: All count." in shown
    about = json.loads((tmp_path / "new" / REPRODUCTION_FILE).read_text())
    assert (about["name"], about["quick"]) == ("letters", True)
    assert about["environment"]["jax"]
    assert about["command"][:2] == ["hgb", "reproduce"]
    page = (tmp_path / "new" / "README.md").read_text()
    assert page.index("**Rule.**") < page.index("| letter | turn |")
    assert "| b | 2 |" in page


def test_without_a_folder_it_goes_to_results_local(measured: list[str], hgb: Hgb, tmp_path: Path) -> None:
    """The folder's name says when and what."""
    assert hgb("reproduce", "letters") == 0
    (folder,) = (tmp_path / "results" / "local").iterdir()
    assert folder.name.endswith("-letters")
    assert letters(folder) == ["a", "b", "c"] == measured


def test_a_stopped_run_goes_on_where_it_was(
    capsys: pytest.CaptureFixture[str], interrupted: Path, measured: list[str], hgb: Hgb
) -> None:
    """Ctrl-C keeps what is recorded and says how to go on; that measures only what is missing."""
    assert f"hgb reproduce --resume {interrupted}" in capsys.readouterr().err.replace("\n", "")
    before = (interrupted / ROWS).read_bytes()
    assert letters(interrupted) == ["a", "b"]
    measured.clear()
    assert hgb("reproduce", "--resume", str(interrupted)) == 0
    assert measured == ["c"]
    assert (interrupted / ROWS).read_bytes().startswith(before)
    assert "there are 3" in (interrupted / "README.md").read_text()
    measured.clear()
    assert hgb("reproduce", "--resume", str(interrupted)) == 0
    assert measured == []


def test_a_line_that_a_kill_cut_off_is_measured_again(
    interrupted: Path, measured: list[str], hgb: Hgb
) -> None:
    """The torn line goes, the whole ones are kept to the byte."""
    lines = (interrupted / ROWS).read_bytes().splitlines(keepends=True)
    (interrupted / ROWS).write_bytes(lines[0] + lines[1][:-9])
    measured.clear()
    assert hgb("reproduce", "--resume", str(interrupted)) == 0
    assert measured == ["b", "c"]
    resumed = (interrupted / ROWS).read_bytes().splitlines(keepends=True)
    assert resumed[0] == lines[0]
    assert letters(interrupted) == ["a", "b", "c"]


def test_a_line_that_is_no_case_is_named_and_set_aside(
    interrupted: Path, measured: list[str], hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """`table` shows the others and leaves with 2; resume keeps the line and measures its case again."""
    lines = (interrupted / ROWS).read_bytes().splitlines(keepends=True)
    bad = lines[1].replace(b'"turn": 2', b'"turn": NaN')
    (interrupted / ROWS).write_bytes(lines[0] + bad + b"[" * 5000 + b"\n" + lines[0])
    before = (interrupted / ROWS).read_bytes()
    capsys.readouterr()
    assert hgb("table", str(interrupted)) == 2
    shown = capsys.readouterr()
    assert "there are 1" in shown.out
    for number, reason in (
        (1, "case 'a' is there again on line 4"),
        (2, "not a line of JSON"),
        (3, "not a line of JSON (recursion limit"),
    ):
        assert f"rows.jsonl:{number}: {reason}" in shown.err
    assert (interrupted / ROWS).read_bytes() == before
    measured.clear()
    assert hgb("reproduce", "--resume", str(interrupted)) == 0
    assert measured == ["b", "c"]
    assert "rows.jsonl:2" in capsys.readouterr().err
    aside = (interrupted / "rows.rejected.jsonl").read_bytes()
    assert aside == lines[0] + bad + b"[" * 5000 + b"\n"
    assert hgb("table", str(interrupted)) == 0


def test_rows_that_the_page_cannot_show_are_named_and_stay(
    interrupted: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """As those of another version, which lack a field."""
    content = (interrupted / ROWS).read_text().replace('"letter": "a"', '"sign": "a"')
    (interrupted / ROWS).write_text(content)
    capsys.readouterr()
    assert hgb("table", str(interrupted)) == 2
    shown = capsys.readouterr()
    assert "there are 1" in shown.out
    assert "rows.jsonl:1: the page cannot show the rows of case 'a' (KeyError: 'letter')" in shown.err
    assert hgb("reproduce", "--resume", str(interrupted)) == 2
    assert (interrupted / ROWS).read_text().startswith(content)


def test_what_is_not_finite_is_recorded_as_null(
    measured: list[str], hgb: Hgb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON has no NaN; what was measured beside it is not lost."""
    rows = [{"letter": "a", "turn": float("nan"), "all": [float("inf"), 1.5], "reason": "one\ntwo"}]
    monkeypatch.setattr(reproductions.Letters, "measure", lambda self, case, quick: rows)  # pyright: ignore
    assert hgb("reproduce", "letters", "--quick", "--out", str(tmp_path / "new")) == 0
    kept = json.loads((tmp_path / "new" / ROWS).read_text().splitlines()[0])["rows"]
    assert kept == [{"letter": "a", "turn": None, "all": [None, 1.5], "reason": "one\ntwo"}]


def test_a_status_that_is_not_on_the_list_is_refused_when_written_and_read_when_old(
    interrupted: Path,
    measured: list[str],
    hgb: Hgb,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of its case is recorded; a folder that holds one from before is shown and resumed."""
    old = (interrupted / ROWS).read_text().replace('"turn": 2', '"turn": 2, "status": "blue"')
    (interrupted / ROWS).write_text(old)
    assert hgb("table", str(interrupted)) == 0
    with monkeypatch.context() as patch:
        rows = [{"letter": "c", "turn": 3}, {"letter": "c", "turn": 3, "status": "fail"}]
        patch.setattr(reproductions.Letters, "measure", lambda self, case, quick: rows)  # pyright: ignore
        capsys.readouterr()
        assert hgb("reproduce", "--resume", str(interrupted)) == 2
    said = "row 2 of case 'c' cannot be recorded: unknown status 'fail'; did you mean 'failed'?"
    assert said in capsys.readouterr().err
    assert (interrupted / ROWS).read_text() == old
    measured.clear()
    assert hgb("reproduce", "--resume", str(interrupted)) == 0
    assert measured == ["c"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quick": True}, "was written for 3 cases, and what it asks for has 2 now (other: c)"),
        ({"quick": True, "cases": None}, "holds 1 cases that are not among the 2"),
        ({"quik": True}, "the field 'quik', which this version does not know"),
        ({"quick": "yes"}, "field 'quick' holds 'yes'"),
    ],
)
def test_other_cases_are_not_measured_in_silence(
    changes: dict[str, object],
    message: str,
    measured: list[str],
    hgb: Hgb,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder goes on with the cases that it was made for, or not at all."""
    folder = tmp_path / "all"
    assert hgb("reproduce", "letters", "--out", str(folder)) == 0
    about = json.loads((folder / REPRODUCTION_FILE).read_text())
    (folder / REPRODUCTION_FILE).write_text(json.dumps(about | changes))
    measured.clear()
    assert hgb("reproduce", "--resume", str(folder)) == 2
    assert message in capsys.readouterr().err
    assert measured == []


def test_resume_takes_quick_from_the_folder(measured: list[str], hgb: Hgb, tmp_path: Path) -> None:
    """A quick run stays quick."""
    folder = tmp_path / "quick"
    assert hgb("reproduce", "letters", "--quick", "--out", str(folder)) == 0
    (folder / ROWS).write_text("")
    assert hgb("reproduce", "--resume", str(folder)) == 0
    assert letters(folder) == ["a", "b"]
    assert measured == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "unknown reproduction 'nonsense'"),
        (("leters",), "did you mean 'letters'?"),
        (("letters", "--out", "full"), "--out full is not an empty folder"),
        (("letters", "--out", "full/file"), "--out full/file is not an empty folder"),
        (("letters", "--out", "full/file/below"), "cannot write to full/file/below"),
        (("--resume", "nowhere"), "nowhere is not the folder of a reproduction"),
        (("--resume", "full"), "full is not the folder of a reproduction"),
        (("--resume", "damaged"), "is damaged"),
        (("--resume", "foreign"), "unknown reproduction 'of-another-version'"),
        (("letters", "--resume", "full"), "--resume takes its name and options from the folder"),
        (("--resume", "full", "--quick"), "--resume takes its name and options from the folder"),
        (("--quick",), "which reproduction? accepted: "),
        (("--out", "new"), "which reproduction? accepted: "),
        (("letters", "--device", "abacus"), "unknown device 'abacus'"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(
    arguments: tuple[str, ...],
    message: str,
    measured: list[str],
    hgb: Hgb,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 2, one sentence, nothing measured and nothing changed."""
    for name, file, content in (
        ("full", "file", "mine"),
        ("damaged", REPRODUCTION_FILE, "{"),
        (
            "foreign",
            REPRODUCTION_FILE,
            '{"name": "of-another-version", "quick": false, "command": [], "created": "", ',
        ),
    ):
        (tmp_path / name).mkdir()
        ending = '"environment": {}}' if name == "foreign" else ""
        (tmp_path / name / file).write_text(content + ending)
    assert hgb("reproduce", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert measured == []
    assert (tmp_path / "full" / "file").read_text() == "mine"
    assert not (tmp_path / "results").exists()


def test_its_tables_are_printed_in_three_forms_and_written_only_if_asked(
    measured: list[str], hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--no-write` leaves the folder as it is, and CSV has a line for each cell."""
    folder = tmp_path / "new"
    assert hgb("reproduce", "letters", "--quick", "--out", str(folder)) == 0
    (folder / "README.md").unlink()
    capsys.readouterr()
    assert hgb("table", str(folder), "--format", "csv", "--no-write") == 0
    assert capsys.readouterr().out.splitlines() == [
        "table,row,column,value", "Letters,a,turn,1", "Letters,b,turn,2"
    ]  # fmt: skip
    assert not (folder / "README.md").exists()
    assert hgb("table", str(folder), "--format", "markdown") == 0
    assert "| b | 2 |" in capsys.readouterr().out
    assert (folder / "README.md").exists()
