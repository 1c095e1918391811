"""The bytes of a user's file, which may be no file at all: a named pipe would wait for ever."""

import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def read_regular(path: str | os.PathLike[str], what: str) -> bytes:
    """Return the content of a regular file; refuse anything else without opening it.

    Args:
        path: of the file.
        what: names it in messages, such as "image 'a.png'"; they carry no folder.

    Raises:
        ValueError: if there is no such file, if it is no regular file, or if it cannot be read.
    """
    try:
        require_regular(os.stat(path), what)
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{what} cannot be read: {error.strerror}") from error


def require_regular(status: os.stat_result, what: str) -> None:
    """Raise `ValueError` where `status` is not that of a regular file, saying what it is."""
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise ValueError(
            f"{what} is {_KINDS.get(kind, 'something else')}, not a regular file: it is not opened"
        )
