"""A small file system in memory, to be filled: what a full disk does to a program cannot be imitated well."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = 4096
"""Bytes in which it counts its room."""


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system of `size` bytes on an empty folder, and unmount it whatever happens.

    Skips the test where that is not possible: it takes root's rights, also outside of a container.
    """
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root's rights")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error.strerror}")
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: a process that died late may still hold a file.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, room: int) -> Path:
    """Leave so many bytes of room, rounded down to pages; return the file to delete for more."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    free = os.statvfs(disk)
    left = free.f_bavail * free.f_bsize - room // PAGE * PAGE
    if left > 0:
        with filler.open("wb") as file:
            file.write(b"\0" * left)
    return filler
