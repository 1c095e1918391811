"""Image files and archives that are damaged or claim what they are not: right numbers, or a sentence."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated import fresh, hgb
from hypothesis import given
from hypothesis import strategies as st
from refusals import files, nothing_but_refusals, of_all, refused
from spoilt_files import archives, pictures, spoilt
from synthetic_records import measured

from hypergrad_bench.bench.commands import reconstruct as reconstruct_command
from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.grid.inputs import Inputs
from hypergrad_bench.bench.measure.contestant_programs import ContestantPrograms
from hypergrad_bench.bench.pages import pictures as page_pictures
from hypergrad_bench.bench.pages.blocks import Drawing, Words
from hypergrad_bench.problems import AnalysisL1, save_regularizer
from hypergrad_bench.problems.files.image_file import decode_luma, decode_rgb
from hypergrad_bench.problems.files.matrix_file import Choice, read_matrix
from hypergrad_bench.problems.files.measurement_file import read_measurement

ENDINGS = [".jpg", ".npy", ".npy", ".png", ".tif", ".tif", ".bmp"]
"""Those whose readers have more ways twice."""
KERNEL = Choice(0, None, None, ("kernels", "kernel"))


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a regulariser, where nothing is measured or solved."""
    folder = tmp_path_factory.mktemp("somewhere")
    save_regularizer(folder / "model", AnalysisL1.initial((12, 10), 0))

    def solved(*arguments: object) -> None:
        raise AssertionError("the image was accepted")

    def run(programs: ContestantPrograms, case: Case, inputs: Inputs) -> None:
        raise RuntimeError("nothing is run here")

    with nothing_but_refusals(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstruct_command, "watched_solve", solved)
        patch.setattr(ContestantPrograms, "of_case", run)
        yield folder


@pytest.fixture(autouse=True)
def _as_users_run() -> Iterator[None]:
    """Let warnings be warnings: what libraries say of an image is no error for users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def attempted(read: Callable[..., Any], *arguments: object) -> Any:
    """What reading gives, or the reason of its `ValueError`; anything else that is raised is a fault."""
    try:
        return read(*arguments)
    except ValueError as error:
        return str(error)


@given(data=st.data())
@of_all(0.33)
def test_an_image_is_read_or_refused(somewhere: Path, data: st.DataObject) -> None:
    """Grey or colour in [0, 1], or a `ValueError` that names the file; measurements may leave [0, 1]."""
    ending = data.draw(st.sampled_from(ENDINGS))
    name, content = f"spoilt{ending}", data.draw(spoilt(ending))
    way = data.draw(st.sampled_from(["luma", "rgb", "measurement"]))
    if way == "measurement":
        (somewhere / name).write_bytes(content)
        found = attempted(lambda: read_measurement(somewhere / name).values)
    else:
        found = attempted(decode_luma if way == "luma" else decode_rgb, content, name)
    if isinstance(found, str):
        assert name in found
        return
    assert found.dtype == np.float64
    assert found.size
    assert np.isfinite(found).all()
    if way != "measurement":
        assert found.ndim == (2 if way == "luma" else 3)
        assert 0 <= found.min() <= found.max() <= 1


@given(data=st.data())
@of_all(0.05)
def test_a_matrix_is_read_or_refused(somewhere: Path, data: st.DataObject) -> None:
    """Kernels and masks, from archives too."""
    ending = data.draw(st.sampled_from([".npz", ".npz", ".npy", ".png", ".tif"]))
    path = somewhere / f"spoilt{ending}"
    path.write_bytes(data.draw(spoilt(ending)))
    found = attempted(read_matrix, str(path), KERNEL, "kernel file 'spoilt'")
    assert isinstance(found, np.ndarray) or "spoilt" in found


@given(data=st.data())
@of_all(0.05)
def test_a_command_reads_an_image_or_refuses_it(somewhere: Path, data: st.DataObject) -> None:
    """`hgb reconstruct` says what is accepted, and writes nothing; a kernel file is an image too."""
    ending = data.draw(st.sampled_from(ENDINGS))
    name = f"spoilt{ending}"
    (somewhere / name).write_bytes(data.draw(spoilt(ending)))
    (somewhere / "good.png").write_bytes(pictures()[".png"][0])
    asked = ["reconstruct", "-o", "new.png", "--model", "model"]
    if data.draw(st.booleans()) or ending == ".jpg":
        ended = hgb(*asked, name)
    else:
        ended = hgb(*asked, "good.png", "--task", "deconvolution", "--kernel", name)
    if "the image was accepted" not in ended.err:
        refused(ended, [name, "measurement", "spoilt", "Deconvolution"])
    assert not (somewhere / "new.png").exists()


@given(data=st.data())
@of_all(0.05)
def test_a_run_on_a_folder_of_images_is_whole_or_refused(somewhere: Path, data: st.DataObject) -> None:
    """One of them is spoilt: no record is made of what could be read of it."""
    folder = fresh(somewhere / "pictures")
    folder.mkdir()
    (folder / "a.png").write_bytes(pictures()[".png"][0])
    (folder / "b.npy").write_bytes(pictures()[".npy"][2])
    ending = data.draw(st.sampled_from(ENDINGS))
    (folder / f"spoilt{ending}").write_bytes(data.draw(spoilt(ending)))
    fresh(somewhere / "run")
    ended = hgb(
        *("run", "--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8x8"),
        *("--method", "one-step", "--solver", "dual-fista", "--images", "pictures", "--out", "run"),
    )
    if ended.status:
        refused(ended, ["spoilt", "pictures"])
        assert not (somewhere / "run").exists()
    else:
        assert (somewhere / "run" / "records.jsonl").read_text().count('"id"') == 1


@given(data=st.data())
@of_all(0.02)
def test_kept_arrays_are_shown_or_named(somewhere: Path, data: st.DataObject) -> None:
    """A page is made whatever befell them."""
    record = measured(size="3x4")
    folder = fresh(somewhere / "arrays")
    folder.mkdir()
    image = np.linspace(0, 1, 12).reshape(1, 3, 4)
    odd = [image, image[0, 0, 0], image[0], image.astype("U3"), image[:0], image * np.nan]
    np.savez_compressed(folder / "kept.npz", **{"x": data.draw(st.sampled_from(odd)), "inputs.truths": image})
    content = (folder / "kept.npz").read_bytes()
    if data.draw(st.booleans()):
        content = data.draw(spoilt(".npz"))
    (folder / f"{record.id}.npz").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_pictures, "drawing_of", lambda heading, alt, figure: Drawing(heading, alt, ""))
        shown = page_pictures.restored_pictures([record], folder)
    assert all(isinstance(one, Drawing | Words) for one in shown)
    assert all("cannot be read: " in one.text for one in shown if isinstance(one, Words))


@pytest.mark.parametrize("ending", sorted(pictures()))
def test_files_that_are_not_spoilt_are_read(somewhere: Path, ending: str) -> None:
    """Or the tests above would show little."""
    before = files(somewhere)
    for content in pictures()[ending]:
        values = decode_luma(content, f"a{ending}")
        assert (values.shape, values.dtype) == ((12, 10), np.float64)
    assert files(somewhere) == before


def test_archives_that_are_not_spoilt_are_read(tmp_path: Path) -> None:
    """Likewise."""
    for content in archives():
        (tmp_path / "a.npz").write_bytes(content)
        np.testing.assert_array_equal(
            read_matrix(str(tmp_path / "a.npz"), KERNEL, "kernel file 'a'"), np.arange(9.0).reshape(3, 3)
        )


def test_what_lies_behind_an_array_is_no_pixel(tmp_path: Path) -> None:
    """A header that lost a digit would give another image, of the first numbers, without a word."""
    image = np.random.default_rng(0).uniform(size=(12, 10))
    np.save(tmp_path / "a.npy", image, allow_pickle=False)
    content = (tmp_path / "a.npy").read_bytes()
    with pytest.raises(ValueError, match=r"'a\.npy' holds 800 bytes behind the array of shape \(2, 10\)"):
        decode_luma(content.replace(b"(12, 10)", b"( 2, 10)"), "a.npy")
    with pytest.raises(ValueError, match=r"'a\.npy' holds 480 bytes behind .*float32"):
        decode_luma(content.replace(b"<f8", b"<f4"), "a.npy")
