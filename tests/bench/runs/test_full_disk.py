"""The disk fills up in the middle: a sentence, all that was recorded stays readable, and resume ends it."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from generated import Ended, fresh, hgb, nothing_measured
from matplotlib.figure import Figure
from safetensors.numpy import load_file
from small_disk import PAGE, fill, small_disk
from synthetic_records import measured

from hypergrad_bench.bench import reproductions
from hypergrad_bench.bench.commands import reproduce as reproduce_command
from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.measure.workbench import MeasuredRecord, Workbench
from hypergrad_bench.bench.records import durable
from hypergrad_bench.bench.report.page import Page
from hypergrad_bench.bench.report.panels import save_figure
from hypergrad_bench.bench.report.text_table import TextTable
from hypergrad_bench.bench.reproductions.rows import RecordedRow
from hypergrad_bench.bench.runs.reproduction_file import reproduction_folder
from hypergrad_bench.bench.runs.run_file import run_folder
from hypergrad_bench.bench.runs.training_file import training_folder
from hypergrad_bench.bench.training.checkpoint import Checkpoint, save_checkpoint
from hypergrad_bench.problems.files.whole_file import write_whole
from hypergrad_bench.problems.values.configuration import configuration

FULL = os.strerror(errno.ENOSPC)
SIZE = 2**19
SEEDS = 12
ASKED = [
    *("run", "--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8"),
    *("--batch", "1", "--method", "one-step", "--solver", "dual-fista", "--seeds", f"{SEEDS}"),
]
ROOMS = [PAGE * pages for pages in (0, 1, 2, 3, 5, 8, 10, 16)]
"""From none for the first file, over that for some records and their tables, to enough for everything."""


class NamedLetter(str):
    """The smallest case."""

    @property
    def name(self) -> str:
        """Itself."""
        return str(self)


@configuration
class ManyLetters:
    """How many letters are there?"""

    def cases(self, quick: bool) -> Sequence[NamedLetter]:
        return [NamedLetter(letter) for letter in "abcdefgh"]

    def measure(self, case: NamedLetter, quick: bool) -> list[RecordedRow]:
        return [{"letter": case.name, "long": "x" * 2000}]

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        lines = [[str(row["letter"])] for row in rows]
        return Page("Letters", "?", "All.", [TextTable("All", "", ("letter",), lines)], f"{len(rows)}")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Half a megabyte."""
    with small_disk(tmp_path_factory.mktemp("disk"), SIZE) as folder:
        yield folder


@pytest.fixture(scope="module")
def unmeasured(disk: Path) -> Iterator[Path]:
    """The disk, in which `hgb` writes records that no run made."""

    def measure(self: Workbench, group: Sequence[Case], begin: Any = None) -> Iterator[MeasuredRecord]:
        del begin
        for case in group:
            record = measured(id=case.id, seed=case.instance.seed, reason="x" * 1000)
            yield MeasuredRecord(record, {"x": np.arange(400.0) * case.instance.seed})

    with nothing_measured(disk), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workbench, "measure", measure)
        patch.setattr(reproductions, "ManyLetters", ManyLetters, raising=False)
        patch.setattr(reproduce_command, "use_device", lambda device, spare=False: None)
        yield disk


@pytest.fixture(autouse=True)
def _emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give every test the whole disk."""
    yield
    if "disk" in request.fixturenames:
        for name in ("run", "letters", "learned"):
            fresh(request.getfixturevalue("disk") / name)
        fill(request.getfixturevalue("disk"), SIZE).unlink(missing_ok=True)


def refused_or_done(ended: Ended) -> bool:
    """Tell whether a command was done; else it said in a sentence that there is no room."""
    assert "Traceback" not in ended.err
    if ended.status == 0:
        return True
    assert ended.status == 2, ended.err
    (said,) = [line for line in ended.err.splitlines() if line.startswith("hgb: ")]
    assert FULL in said
    return False


@pytest.mark.parametrize(
    ("room", "arrays"),
    [*((room, ()) for room in ROOMS), *((room, ("--save-arrays",)) for room in ROOMS[3::3])],
)
def test_a_run_with_little_room(unmeasured: Path, room: int, arrays: tuple[str, ...]) -> None:
    """Whatever the file is that finds no room."""
    folder = unmeasured / "run"
    filler = fill(unmeasured, room)
    done = refused_or_done(hgb(*ASKED, *arrays, "--out", "run"))
    begun = (folder / "run.json").exists()
    before = (folder / "records.jsonl").read_bytes() if begun else b""
    if begun:
        kept = run_folder(folder).journal.read()
        assert kept.bad_lines == ()
        assert before.count(b"\n") == len(kept.entries)
        assert hgb("table", "run", "--no-write").status == 0
        assert refused_or_done(hgb("run", "--resume", "run")) >= done
        assert (folder / "records.jsonl").read_bytes().startswith(before)
    assert list(unmeasured.rglob("*.tmp*")) == []
    filler.unlink(missing_ok=True)
    # What had no room for its account has nothing to go on from, and its folder is as good as empty.
    ended = hgb("run", "--resume", "run") if begun else hgb(*ASKED, *arrays, "--out", "run")
    assert ended.status == 0, ended.err
    records = run_folder(folder).journal.read()
    assert (folder / "records.jsonl").read_bytes().startswith(before)
    assert (len(records.entries), records.bad_lines) == (SEEDS, ())
    assert hgb("table", "run").status == 0
    if arrays:
        saved = {path.stem: np.load(path, allow_pickle=False)["x"] for path in folder.glob("arrays/*.npz")}
        for record in records.entries:
            np.testing.assert_array_equal(saved[record.id], np.arange(400.0) * record.seed)


def test_rooms_end_runs_at_different_places(unmeasured: Path) -> None:
    """Or the test above would show little: some do not begin, some end among the records, one is done."""
    counts = set()
    for room in ROOMS:
        fresh(unmeasured / "run")
        fill(unmeasured, room)
        done = refused_or_done(hgb(*ASKED, "--out", "run"))
        lines = unmeasured / "run" / "records.jsonl"
        counts.add((lines.read_bytes().count(b"\n") if lines.exists() else 0, done))
    assert len({count for count, done in counts if 0 < count < SEEDS}) >= 3
    assert {(0, False), (SEEDS, False), (SEEDS, True)} <= counts


@pytest.mark.parametrize("room", ROOMS[::2])
def test_a_reproduction_with_little_room(unmeasured: Path, room: int) -> None:
    """Its cases are lines like records."""
    folder = unmeasured / "letters"
    filler = fill(unmeasured, room)
    asked = ("reproduce", "many-letters", "--out", "letters")
    refused_or_done(hgb(*asked))
    begun = (folder / "reproduction.json").exists()
    if begun:
        kept = reproduction_folder(folder).journal.read()
        assert kept.bad_lines == ()
    filler.unlink(missing_ok=True)
    ended = hgb("reproduce", "--resume", "letters") if begun else hgb(*asked)
    assert ended.status == 0, ended.err
    assert len(reproduction_folder(folder).journal.read().entries) == 8
    assert hgb("table", "letters").status == 0


@pytest.mark.parametrize(
    "command",
    [
        ("table", "run"),
        ("report", "run"),
        ("export", "run", "--out", "run.parquet"),
        ("merge", "run", "other", "--newest", "--out", "merged"),
    ],
    ids=lambda command: command[0],
)
def test_what_reads_a_run_leaves_it_alone(unmeasured: Path, command: tuple[str, ...]) -> None:
    """Files that it would write anew are as they were; there is nothing half written."""
    assert hgb(*ASKED, "--save-arrays", "--out", "run").status == 0
    assert hgb(*ASKED, "--out", "other").status == 0
    before = {path: path.read_bytes() for path in unmeasured.rglob("*") if path.is_file()}
    filler = fill(unmeasured, 0)
    assert not refused_or_done(hgb(*command))
    filler.unlink()
    after = {path: path.read_bytes() for path in unmeasured.rglob("*") if path.is_file()}
    fresh(unmeasured / "other")
    fresh(unmeasured / "merged")
    assert {path for path, content in after.items() if content and path not in before} <= {
        unmeasured / "merged" / "run.json"
    }
    assert {path: after[path] for path in before} == before


def test_files_are_replaced_whole(disk: Path) -> None:
    """Figures, states and images: the older one is as it was, and no part of the newer one is left."""
    figure, old = Figure(), b"older"
    figure.subplots().plot([1, 2])
    places = [disk / name for name in ("a.png", "a.pdf", "a.svg", "state.safetensors", "image.npy")]
    for path in places:
        path.write_bytes(old)
    fill(disk, 0)
    for path in places[:3]:
        with pytest.raises(OSError, match=FULL):
            save_figure(figure, path)
    with pytest.raises(ValueError, match=f"cannot write to .*state.safetensors: {FULL}"):
        save_checkpoint(places[3], Checkpoint({"x": np.arange(9000.0)}, 1.0), "one")
    with pytest.raises(OSError, match=f"{FULL}: .*image.npy"):
        write_whole(places[4], b"x" * 9000)
    assert [path.read_bytes() for path in places] == [old] * 5
    assert {path.name for path in disk.iterdir()} == {path.name for path in places} | {"filler"}
    for path in places:
        path.unlink()


def test_a_large_file_is_written_in_several_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux takes 2 GiB at once and no more, which is not to pass for a full disk."""
    real, pieces = os.write, []

    def write(descriptor: int, piece: bytes) -> int:
        pieces.append(piece)
        return real(descriptor, piece[:10])

    monkeypatch.setattr(durable, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(durable.os, "write", write)
    durable.replace_durably(tmp_path / "file", b"0123456789" * 3 + b"end")
    assert (tmp_path / "file").read_bytes() == b"0123456789" * 3 + b"end"
    assert len(pieces) == 4
    durable.replace_durably(tmp_path / "file", b"")
    assert (tmp_path / "file").read_bytes() == b""


def test_a_training_with_little_room(unmeasured: Path, tmp_path: Path) -> None:
    """Curve and state stay as they were; it goes on to the bits of a training that had room."""
    asked = ["train", "--size", "8", "--pairs", "4", "--batch", "2", "--steps", "200"]
    asked += ["--solver", "dual-fista", "--method", "one-step"]
    folder, alone = unmeasured / "learned", tmp_path / "alone"
    with jax.numpy_dtype_promotion("standard"):
        assert hgb(*asked, "--out", str(alone)).status == 0
        filler = fill(unmeasured, 6 * PAGE)
        ended = hgb(*asked, "--out", "learned")
        assert not refused_or_done(ended)
        assert "what is recorded is kept: hgb train --resume learned goes on" in ended.err
        kept = training_folder(folder).journal.read()
        assert kept.bad_lines == ()
        assert 0 < len(kept.entries) < 200
        filler.unlink()
        assert hgb("train", "--resume", "learned").status == 0
    curve = training_folder(folder).journal.read().entries
    assert [point.step for point in curve] == list(range(1, 201))
    assert curve[: len(kept.entries)] == kept.entries
    for name in ("state.safetensors", "leaves-*.safetensors"):
        ours, theirs = (load_file(next(one.glob(name))) for one in (folder, alone))
        assert {key: value.tobytes() for key, value in ours.items()} == {
            key: value.tobytes() for key, value in theirs.items()
        }
