"""A user's folder of images: its split, what is told of a bad one, and what records may know of it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypergrad_bench.problems.ground_truth import Split
from hypergrad_bench.problems.ground_truths.image_folder import ImageFolder


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Return random 8-bit grey values: any two crops of it differ."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of seven grey images, image i with values from 36 i on: crops tell their image."""
    path = tmp_path / "pictures"
    path.mkdir()
    for index in range(7):
        Image.fromarray(texture(20, 24, index) // 8 + 36 * index).save(path / f"{index}.png")
    return path


def image_of(crop: np.ndarray) -> int:
    """Return the index of the image in `folder` that a crop was cut out of."""
    return int(crop.max() * 255 // 36)


def test_splits_by_position(folder: Path):
    truth = ImageFolder(folder)
    assert truth.names("test") == ("0.png", "5.png")
    assert truth.names("train") == ("1.png", "2.png", "3.png", "4.png", "6.png")


@pytest.mark.parametrize(("split", "expected"), [("train", {1, 2, 3, 4, 6}), ("test", {0, 5})])
def test_crops_come_from_their_split(folder: Path, split: Split, expected: set[int]):
    crops = ImageFolder(folder).sample((8, 8), 100, 0, split)
    assert {image_of(crop) for crop in crops} == expected


def test_every_suffix_in_any_case_and_nothing_else(tmp_path: Path):
    names = ["B.PNG", "a.jpg", "c.Jpeg", "d.BMP", "e.jpeg", "f.JPG", "g.bmp", "h.png", "j.TIF", "k.tiff"]
    for index, name in enumerate(names):
        Image.fromarray(texture(16, 16, index)).save(tmp_path / name)
    for other in [".hidden.png", "notes.txt", "picture.gif", "png"]:
        (tmp_path / other).write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "deeper").mkdir()
    Image.fromarray(texture(16, 16, 99)).save(tmp_path / "deeper" / "i.png")
    left_out = r"10 images are read, and left out are 1 \.gif, 1 \.txt, 2 folders, 1 without an ending$"
    with pytest.warns(UserWarning, match=left_out):
        truth = ImageFolder(tmp_path)
    assert sorted(truth.names("train") + truth.names("test")) == names
    assert truth.sample((16, 16), 4, 0).shape == (4, 16, 16)


def test_images_of_different_kinds_and_sizes(tmp_path: Path):
    Image.fromarray(texture(9, 30, 0)).save(tmp_path / "a.png")
    Image.fromarray(np.dstack([texture(20, 8, i) for i in range(4)])).save(tmp_path / "b.png")
    deep = texture(12, 12, 5).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "c.png")
    truth = ImageFolder(tmp_path)
    crops = truth.sample((9, 8), 20, 0)
    assert crops.min() >= 0
    assert crops.max() <= 1
    reason = truth.supports((10, 8))
    assert reason is not None
    assert "image 'a.png' has 9 x 30 pixels (height x width), less than the crop of 10 x 8" in reason
    assert "at most 9 x 8" in reason
    with pytest.raises(ValueError, match=r"image 'b.png' has 20 x 8 pixels"):
        truth.sample((9, 9), 1, 0)


def test_two_images_make_both_splits(tmp_path: Path):
    for index in range(2):
        Image.fromarray(texture(16, 16, index)).save(tmp_path / f"{index}.png")
    truth = ImageFolder(tmp_path)
    assert truth.names("test") == ("0.png",)
    assert truth.names("train") == ("1.png",)


@pytest.mark.parametrize(("number", "words"), [(0, "no image"), (1, "only one image")])
def test_refuses_fewer_than_two_images(tmp_path: Path, number: int, words: str):
    for index in range(number):
        Image.fromarray(texture(16, 16, index)).save(tmp_path / f"{index}.png")
    truth = ImageFolder(tmp_path)
    message = f"folder '{tmp_path.name}' holds {words}; it needs at least two"
    for use in [lambda: truth.sample((8, 8), 1, 0), truth.fingerprint, lambda: truth.names("train")]:
        with pytest.raises(ValueError, match=re.escape(message)) as raised:
            use()
        assert ".png, .jpg, .jpeg, .bmp, .tif, .tiff, .npy" in str(raised.value)
    assert message in str(truth.supports((8, 8)))


def test_refuses_a_missing_path(tmp_path: Path):
    with pytest.raises(ValueError, match=r"image folder .*absent' does not exist"):
        ImageFolder(tmp_path / "absent")


def test_refuses_a_file(folder: Path):
    with pytest.raises(ValueError, match=r"0.png' is a file; give the folder that holds the images"):
        ImageFolder(folder / "0.png")


def test_refuses_an_empty_path():
    with pytest.raises(ValueError, match="got an empty one"):
        ImageFolder("")


def test_refuses_what_is_no_path():
    # The checker of annotations is first to refuse it, with its own words.
    number: Any = 7
    with pytest.raises(TypeError):
        ImageFolder(number)


def test_refuses_an_unreadable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch):
    # Simulated too, because permissions do not hold back an administrator.
    def deny(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(ValueError, match=r"image folder .*pictures' cannot be read: Permission denied"):
        ImageFolder(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not hold here")
def test_refuses_a_folder_without_permission(folder: Path):
    folder.chmod(0)
    try:
        with pytest.raises(ValueError, match="cannot be read: Permission denied"):
            ImageFolder(folder)
    finally:
        folder.chmod(0o700)


def test_refuses_an_unreadable_image(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(ValueError, match=r"image '0\.png' cannot be read: Permission denied"):
        ImageFolder(folder).sample((8, 8), 1, 0)


@pytest.mark.parametrize("split", ["train", "test"])
def test_refuses_a_truncated_image_whatever_the_draw(folder: Path, split: Split):
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    truth = ImageFolder(folder)
    with pytest.raises(ValueError, match=r"image '3\.png' cannot be read: .*[Tt]runcated"):
        truth.sample((8, 8), 1, 0, split)
    with pytest.raises(ValueError, match=r"image '3\.png' cannot be read"):
        truth.fingerprint()


def test_refuses_text_with_the_name_of_an_image(folder: Path):
    (folder / "notes.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"image 'notes\.png' cannot be read: it is not a PNG, JPEG or BMP"):
        ImageFolder(folder).sample((8, 8), 1, 0)


def test_refuses_a_link_to_nothing(folder: Path):
    (folder / "broken.png").symlink_to(folder / "gone.png")
    with pytest.raises(ValueError, match=r"image 'broken\.png' cannot be read: No such file"):
        ImageFolder(folder)


def test_blank_images_are_told(tmp_path: Path):
    for index in range(2):
        Image.new("L", (16, 16), 140).save(tmp_path / f"{index}.png")
    with pytest.raises(ValueError, match="100 tries gave no crop of 8 x 8 pixels with content"):
        ImageFolder(tmp_path).sample((8, 8), 1, 0)


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    """Turn a wait for a pipe's writer, who never comes, into a failure."""

    def give_up(*_: object) -> None:
        raise TimeoutError("a named pipe was opened")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_no_waiting")
def test_refuses_what_is_no_regular_file_without_opening_it(folder: Path):
    truth = ImageFolder(folder)
    os.mkfifo(folder / "9.png")
    message = r"image '9\.png' is a named pipe \(FIFO\), not a regular file: it is not opened"
    for use in [lambda: ImageFolder(folder), lambda: truth.sample((8, 8), 1, 0)]:
        with pytest.raises(ValueError, match=message):
            use()
    (folder / "9.png").unlink()
    (folder / "9.png").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"image '9\.png' is a device, not a regular file"):
        ImageFolder(folder)


def test_twelve_bits_in_sixteen_are_noticed(tmp_path: Path):
    """They are divided by 65535, so that noise is sixteen times too strong for them."""
    for index in range(2):
        levels = np.random.default_rng(index).integers(0, 4096, (8, 8)).astype(np.uint16)
        Image.fromarray(levels).save(tmp_path / f"{index}.png")
    truth = ImageFolder(tmp_path)
    with pytest.warns(UserWarning, match=r"no pixel of its images is above 0\.06\d* of full scale; rescale"):
        crops = truth.sample((8, 8), 1, 0)
    assert crops.max() < 0.0626
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(tmp_path / "2.png")
    assert truth.supports((8, 8)) is None


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path):
    for index in range(3):
        (tmp_path / f"{index}.webp").touch()
    with pytest.raises(ValueError, match=r"holds no image; .*; left out are 3 \.webp$"):
        ImageFolder(tmp_path).fingerprint()


def test_colour_crops_are_the_stored_colours(tmp_path: Path):
    colours = np.dstack([texture(12, 10, index) for index in range(3)])
    for index in range(2):
        Image.fromarray(np.roll(colours, index)).save(tmp_path / f"{index}.png")
    truth = ImageFolder(tmp_path)
    np.testing.assert_array_equal(truth.sample((12, 10, 3), 1, 0, "test")[0], colours / 255)
    assert truth.sample((12, 10), 1, 0, "test").shape == (1, 12, 10)
    crops = truth.sample((4, 5, 3), 3, 0)
    assert crops.shape == (3, 4, 5, 3)
    np.testing.assert_array_equal(truth.sample((4, 5, 3), 2, 0), crops[:2])
    assert "less than the crop of 13 x 10" in str(truth.supports((13, 10, 3)))
    Image.fromarray(texture(12, 10, 0)).save(tmp_path / "2.png")
    Image.fromarray(np.repeat(colours[..., :1], 3, axis=2)).save(tmp_path / "3.png")
    assert truth.supports((4, 5)) is None
    with pytest.raises(ValueError, match=r"are wanted, and 2 of the images are grey, the first '2\.png'"):
        truth.sample((4, 5, 3), 1, 0)


def test_shows_no_local_path(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for path in [folder, "pictures", "./pictures/", Path("pictures")]:
        assert repr(ImageFolder(path)) == "ImageFolder('pictures')"
        assert ImageFolder(path) == ImageFolder(folder)
    (folder / "notes.png").write_text("not an image")
    truth = ImageFolder(folder)
    assert str(tmp_path) not in str(truth.supports((8, 8)))
    folder.rename(tmp_path / "moved")
    assert truth.supports((8, 8)) == "image folder 'pictures' does not exist"


def test_does_not_follow_the_working_directory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    truth = ImageFolder()
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(truth.sample((8, 8), 2, 0), ImageFolder(folder).sample((8, 8), 2, 0))


def test_fingerprint_follows_names_and_contents_alone(folder: Path, tmp_path: Path):
    before = ImageFolder(folder).fingerprint()
    assert re.fullmatch("[0-9a-f]{16}", before)
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / ".notes.txt").write_text("not an image")
    assert ImageFolder(copy).fingerprint() == before
    (copy / "6.png").rename(copy / "7.png")
    renamed = ImageFolder(copy).fingerprint()
    Image.fromarray(texture(20, 24, 50)).save(copy / "7.png")
    changed = ImageFolder(copy).fingerprint()
    assert len({before, renamed, changed}) == 3


def test_sees_a_changed_folder(folder: Path):
    truth = ImageFolder(folder)
    assert truth.supports((20, 24)) is None
    Image.fromarray(texture(10, 10, 0)).save(folder / "7.png")
    assert "'7.png'" in str(truth.supports((20, 24)))
    assert "7.png" in truth.names("train")


def test_cbsd68(shared_data: Path):
    truth = ImageFolder(shared_data / "cbsd68")
    train, test = truth.names("train"), truth.names("test")
    assert (len(train), len(test)) == (54, 14)
    assert not set(train) & set(test)
    crops = truth.sample((48, 64), 200, 0)
    assert crops.min() >= 0
    assert crops.max() <= 1
    assert 0.2 < crops.mean() < 0.7
    # Portraits and landscapes are mixed: the largest crop that all hold is square.
    assert "at most 321 x 321" in str(truth.supports((481, 321)))


def test_celeba(shared_data: Path):
    truth = ImageFolder(shared_data / "celeba20")
    assert (len(truth.names("train")), len(truth.names("test"))) == (16, 4)
    assert truth.sample((218, 178), 3, 0, "test").shape == (3, 218, 178)
