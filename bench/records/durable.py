"""Writes that are on the disk, whole or not at all, when the call returns."""

import contextlib
import errno
import os
from pathlib import Path

MOST_AT_ONCE = 2**30
"""Bytes of one write: Linux writes no more than twice as many, which would pass for a full disk."""


def append_durably(path: Path, content: bytes) -> None:
    """Append bytes with one write to a file that exists, and wait for the disk.

    Raises `OSError` if the bytes do not fit; what was written of them is taken back. Caveat: only
    one writer at a time, as taking back cuts the file to its length before the call.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        before = os.fstat(descriptor).st_size
        try:
            _write_whole(descriptor, content)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def replace_durably(path: Path, content: bytes) -> None:
    """Put bytes in a file's place in one step: a reader or a kill sees the old or the new content.

    Raises `OSError` if the bytes do not fit; the old content stays, and nothing is left of the new one.
    """
    temporary = path.with_name(path.name + ".tmp")
    # A link of that name, in a folder that somebody else made, would lead out of it.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o644)
    try:
        try:
            for begin in range(0, max(1, len(content)), MOST_AT_ONCE):
                _write_whole(descriptor, content[begin : begin + MOST_AT_ONCE])
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's own entries (new and renamed files) are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse to sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_whole(descriptor: int, content: bytes) -> None:
    """Write and sync; raise `OSError` on a short write, which is how a full disk shows first."""
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def refuse_special(path: Path) -> None:
    """Raise `OSError` for what is no ordinary file: a named pipe would be waited for until it is written."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no ordinary file", str(path))
