"""One writer at a time in a folder."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError, unwritable

LOCK = "records.lock"


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Make the folder if there is none, and hold its lock; it goes with the process, however that ends.

    Raises:
        UserError: if another process holds the lock, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)  # closing releases the lock


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock at once; raise `UserError` if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"another run is writing to {folder}; wait for it, or give another folder") from error
