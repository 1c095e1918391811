"""Command lines that nobody would type, and some that they would: a sentence or a whole run, no traceback."""

import json
from pathlib import Path

import pytest
from generated import Ended, fresh, hgb, nothing_measured, quickly
from hypothesis import given
from hypothesis import strategies as st
from synthetic_records import measured

from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.grid.inputs import Inputs
from hypergrad_bench.bench.measure.contestant_programs import ContestantPrograms

JUNK = st.one_of(
    st.sampled_from(
        ["", "-", "--", "nan", "inf", "-1", "0", "1e400", "9" * 25, "a" * 300, "–", "\udcff", "../x"]
    ),
    st.text(st.characters(exclude_characters="\0"), max_size=8),
)
SOUND = {
    "--suite": ["smoke", "frontier", "peers"],
    "--task": ["denoising", "inpainting"],
    "--regularizer": ["analysis-l1", "fields-of-experts"],
    "--solver": ["dual-fista", "nesterov"],
    "--method": ["closed-form", "one-step", "implicit"],
    "--size": ["8", "16", "8x8", "8x8x3"],
    "--dtype": ["float64", "float32"],
    "--seeds": ["1", "3"],
    "--batch": ["1", "2"],
    "--data": ["dct-sparse", "photographs"],
    "--noise": ["0.3"],
    "--weight": ["0.2"],
    "--max-steps": ["5"],
    "--tolerance": ["1e-3"],
    "--rounds": ["2"],
    "--device": ["cpu"],
}
WRONG = {
    "--suite": ["defualt", "blorc-timing"],
    "--task": ["denoisng"],
    "--size": ["2", "0", "8x", "8x8x4", "99999999999x99999999999"],
    "--seeds": ["0", "1000000", "9" * 25],
    "--batch": ["0", "2147483648", "9" * 25],
    "--images": ["nowhere", "pictures"],
    "--noise": ["-1", "nan", "inf"],
    "--weight": ["-1", "nan", "inf"],
    "--max-steps": ["0", "-5", "2147483648"],
    "--tolerance": ["0", "1", "1e9", "-1", "nan"],
    "--rounds": ["0", "1000000000"],
    "--device": ["cuda", "tpu"],
    "--plugin": ["nowhere.py", "pictures", "words.py", "leaves.py"],
    "--resume": ["nowhere", "words.py"],
    "--out": ["words.py", "words.py/under", "a" * 300],
    "--save-arrays": [],
    "--unknown": [],
}
OTHERS = {
    "list": {"--plugin": ["words.py", "leaves.py", "nowhere"], "--json": []},
    "table": {
        "": ["recorded", "nowhere", "words.py"],
        "--format": ["csv", "markdown", "xml"],
        "--no-write": [],
        "--figures": ["pdf", "gif"],
        "--width": ["column", "7"],
    },
    "report": {"": ["recorded", "nowhere", "words.py"], "--out": ["words.py", "nowhere/a.html"]},
    "compare": {"": ["recorded", "nowhere", "words.py"], "--fail-above": ["1.3", "0", "nan"]},
    "merge": {"": ["recorded", "nowhere", "words.py"], "--out": ["words.py", "merged"], "--newest": []},
    "export": {
        "": ["recorded", "nowhere", "words.py"],
        "--format": ["parquet", "benchopt", "csv"],
        "--out": ["words.py", "nowhere/a.parquet", "a" * 300],
    },
    "show": {"": ["0123", "ffff"], "--run": ["recorded", "nowhere"], "--picture": ["a.png", "a.gif"]},
    "rerun": {"": ["0123", "ffff"], "--run": ["recorded", "nowhere"], "--device": ["cuda"]},
    "check": {"": ["nowhere.py", "words.py", "leaves.py", "pictures"]},
    "advise": {
        "--size": ["64", "8x8", "0"],
        "--params": ["1", "80", "-1", "9" * 25],
        "--memory": ["2GiB", "0", "1e400", "lots"],
        "--accuracy": ["1e-4", "0", "1", "nan"],
        "--batch": ["1", "9" * 25],
        "--dtype": ["float32", "half"],
        "--task": ["denoising", "denoisng"],
        "--from": ["recorded", "nowhere", "words.py"],
    },
    "claims": {"--json": []},
    "reproduce": {
        "": ["blorg", "eldr"],
        "--quick": [],
        "--out": ["words.py"],
        "--resume": ["nowhere", "recorded"],
    },
    "train-denoiser": {
        "--goal": ["denoser"],
        "--out": ["weights", "nowhere/a.safetensors"],
        "--side": ["0", "9"],
    },
    "reconstruct": {
        "": ["words.py", "nowhere.png"],
        "--out": ["words.py", "nowhere/a.png", "a.tif"],
        "--model": ["nowhere", "pictures", "words.py"],
        "--task": ["deconvolution", "inpanting"],
        "--kernel": ["words.py", "nowhere.mat"],
        "--weight": ["0", "nan", "2"],
        "--bits": ["12", "8"],
        "--plugin": ["leaves.py"],
    },
    "evaluate": {
        "--images": ["nowhere", "pictures"],
        "--model": ["nowhere", "pictures"],
        "--baseline": ["tv", "tvv"],
        "--tune": ["pictures", "words.py"],
        "--noise": ["-1", "0.1"],
        "--format": ["csv", "xml"],
        "--color": [],
    },
    "nothing": {"--help": []},
}


def nothing_is_run(programs: ContestantPrograms, case: Case, inputs: Inputs) -> None:
    """Stand in for the programs of a case, none of which is traced."""
    raise RuntimeError("nothing is run here")


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory):
    """A folder with a file of words, a plug-in that leaves, an empty folder, and records."""
    folder = tmp_path_factory.mktemp("somewhere")
    (folder / "words.py").write_text("no Python\n")
    (folder / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (folder / "pictures").mkdir()
    (folder / "recorded").mkdir()
    (folder / "recorded" / "records.jsonl").write_text(measured(size="64").to_line() + "\n")
    with nothing_measured(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContestantPrograms, "of_case", nothing_is_run)
        yield folder


def options(choices: dict[str, list[str]], most: int) -> st.SearchStrategy:
    """Options with values, some of them junk; a name without values is a flag, or it takes junk."""

    def valued(name: str) -> st.SearchStrategy:
        values = st.sampled_from(choices[name] or [""])
        return st.tuples(st.just(name), values if choices[name] else st.just(""))

    junk = st.tuples(st.sampled_from(sorted(choices)), JUNK)
    one = st.one_of(*[st.sampled_from(sorted(choices)).flatmap(valued)] * 6, junk)
    return st.lists(one, max_size=most).map(lambda pairs: [part for pair in pairs for part in pair if part])


RUNS = st.tuples(options(SOUND, 4), options(WRONG, 1)).map(
    # The grid is small whatever else is asked for.
    lambda two: ["run", "--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1",
                 "--method", "one-step", "--out", "run", *two[0], *two[1]]
)  # fmt: skip
ELSE = st.sampled_from(sorted(OTHERS)).flatmap(
    lambda command: options(OTHERS[command], 4).map(lambda given: [command, *given])
)


def sound(ended: Ended, arguments: list[str]) -> None:
    """Exit status 0 or 2, and the latter says why."""
    assert ended.status in (0, 2), f"{arguments}\n{ended.err}"
    assert "Traceback" not in ended.err
    assert ended.status == 0 or ended.err.strip() or "hgb" in ended.out


@given(RUNS)
@quickly
def test_a_run_is_refused_or_whole(somewhere: Path, arguments: list[str]) -> None:
    """Exit status 0 means that every case has a record."""
    folder = fresh(somewhere / "run")
    ended = hgb(*arguments)
    sound(ended, arguments)
    if ended.status == 0 and "--help" not in arguments and (folder / "run.json").exists():
        lines = (folder / "records.jsonl").read_text().splitlines()
        assert len(lines) == json.loads((folder / "run.json").read_text())["cases"] > 0


@given(ELSE)
@quickly
def test_every_other_command_answers(somewhere: Path, arguments: list[str]) -> None:
    """Nothing is measured here: the arguments never go that far."""
    sound(hgb(*arguments), arguments)
