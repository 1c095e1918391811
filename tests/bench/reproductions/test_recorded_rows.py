"""Every recorded reproduction is shown as its page was written, and its cases are still cases."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.reproductions.reproduction import TakesImages
from hypergrad_bench.bench.reproductions.restarts.rows import RestartRow
from hypergrad_bench.bench.reproductions.rows import read_row, told_apart
from hypergrad_bench.bench.reproductions.untied_training.grid import DIGIT_SIZE, WHOLE_FACE_SIZE
from hypergrad_bench.bench.reproductions.untied_training.image_sets import DIGITS, FACE, FACES, FOLDERS
from hypergrad_bench.bench.runs.reproduce import reproduction_named
from hypergrad_bench.bench.runs.reproduction_file import ROWS, reproduction_folder
from hypergrad_bench.bench.runs.reproduction_page import page_of
from hypergrad_bench.problems.files.idx_file import MAGIC

RECORDED = sorted(path.parent.name for path in Path(__file__).parents[3].glob(f"results/*/{ROWS}"))


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of all cases of a folder."""
    return [row for line in (folder / ROWS).read_text().splitlines() for row in json.loads(line)["rows"]]


@pytest.mark.parametrize("name", RECORDED)
def test_the_page_of_recorded_rows_is_the_one_that_was_written(name: str, repository: Path) -> None:
    """To the letter: a change of rows, cases or pages that changes what was shown is seen here."""
    folder = repository / "results" / name
    page, left_out = page_of(folder)
    assert left_out == ()
    assert page_markdown(page) == (folder / "README.md").read_text()


def stand_in(folder: Path) -> Path:
    """A folder in the place of a user's, with as many digits and faces, of their sizes, in black."""
    for name in FOLDERS.values():
        (folder / name).mkdir(parents=True)
    shape = (DIGIT_SIZE.training + DIGIT_SIZE.testing, *DIGIT_SIZE.shape)
    black = MAGIC + np.asarray(shape, ">u4").tobytes() + bytes(int(np.prod(shape)))
    (folder / FOLDERS[DIGITS] / "black-idx3-ubyte").write_bytes(black)
    for number in range(WHOLE_FACE_SIZE.training + WHOLE_FACE_SIZE.testing):
        Image.new("L", FACE[::-1]).save(folder / FOLDERS[FACES] / f"{number}.png")
    return folder


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_cases_are_still_cases(name: str, repository: Path, tmp_path: Path) -> None:
    """Resuming compares names, of a user's images too: a folder of that name stands in for them."""
    folder = repository / "results" / name
    about = reproduction_folder(folder).about()
    entry = reproduction_named(about.name)
    if about.images is not None:
        assert isinstance(entry, TakesImages)
        entry = entry.of_images(stand_in(tmp_path / about.images))
    names = {case.name for case in entry.cases(quick=False)}
    assert {json.loads(line)["case"] for line in (folder / ROWS).read_text().splitlines()} <= names


@pytest.mark.parametrize("name", RECORDED)
def test_rows_with_a_field_more_are_shown_and_with_one_less_refused(name: str, repository: Path) -> None:
    """A row of a later version is read without what is new; one that lacks a field is named with it."""
    folder = repository / "results" / name
    entry, rows = reproduction_named(reproduction_folder(folder).about().name), rows_of(folder)
    more = [row | {"of_a_later_version": 1} for row in rows]
    assert page_markdown(entry.page(more)) == page_markdown(entry.page(rows))
    required = "quick" if "quick" in rows[0] else "case"
    less = [{key: value for key, value in row.items() if key != required} for row in rows]
    with pytest.raises(UserError, match=f"a row without the required field {required!r}"):
        entry.page(less)


def test_a_row_of_another_type_is_refused_with_a_sentence() -> None:
    row = {"case": "c", "solver": "s", "quick": False, "rho": 0.5, "over": "layers", "steps": 3}
    row |= {"gradient_error": 0.1, "x_error": 0.1}
    assert read_row(row, RestartRow) == row
    with pytest.raises(UserError, match="field 'steps' holds '3': input should be a valid integer"):
        read_row(row | {"steps": "3"}, RestartRow)


def test_rows_are_told_apart_and_unknown_ones_refused() -> None:
    rows = [{"what": "training", "seed": 0}, {"what": "work"}, {"what": "training", "seed": 1}]
    assert told_apart(rows, "work", "training", "speed") == (rows[1:2], [rows[0], rows[2]], [])
    for other in ({"what": "works"}, {"what": ["work"]}, {}):
        with pytest.raises(UserError, match=r"a row whose 'what' is .*; accepted: work, training"):
            told_apart([*rows, other], "work", "training")
