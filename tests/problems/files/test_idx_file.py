"""Stacks of digits: read as they were written, refused where they are something else."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from hypergrad_bench.problems.files.idx_file import MAGIC, read_idx_images

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
HEADER = MAGIC + np.asarray(IMAGES.shape, ">u4").tobytes()
WHOLE = HEADER + IMAGES.tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_images_are_read_as_they_were_written(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / f"digits-idx3-ubyte{'.gz' * packed}"
    path.write_bytes(gzip.compress(WHOLE) if packed else WHOLE)
    np.testing.assert_array_equal(read_idx_images(path), IMAGES)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("labels", b"\x00\x00\x08\x01" + WHOLE[4:], "begins with 00 00 08 01, and 00 00 08 03 is accepted"),
        ("empty", b"", "begins with nothing"),
        ("short", WHOLE[:-1], r"announces 24 pixels, shape \(2, 3, 4\); it holds 23"),
        ("long", WHOLE + b"\x00", "it holds more"),
        ("huge", MAGIC + b"\xff" * 12 + IMAGES.tobytes(), "at most 1073741824 are read"),
        ("plain.gz", WHOLE, "cannot be decompressed"),
        ("cut.gz", gzip.compress(WHOLE, mtime=0)[:-12], "cannot be decompressed"),
    ],
    ids=["labels", "empty", "short", "long", "huge", "plain", "cut"],
)
def test_what_is_no_stack_of_images_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_idx_images(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'digits' cannot be read: No such file"):
        read_idx_images(tmp_path / "digits")
