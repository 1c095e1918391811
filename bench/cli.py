"""The command `hgb`."""

import contextlib
import io
import os
import sys
from typing import NoReturn

from rich.console import Console

from .command_line.application import app
from .errors import UserError


def main() -> None:
    """Run the command line; exit status 0 if all is done, 2 if the user must mend something.

    What the system refuses, such as a name that is too long or a full disk, is the user's to mend as well.
    """
    _never_fail_to_encode()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except UserError as error:
        _refuse(str(error))
    except OSError as error:
        with contextlib.suppress(
            OSError
        ):  # what is left in a buffer would fail once more as the process ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        named = "" if error.filename is None else f": {os.fspath(error.filename)!r}"
        _refuse(f"{error.strerror or error}{named}")


def _refuse(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"hgb: {message}", markup=False)
    sys.exit(2)


def _never_fail_to_encode() -> None:
    """Print signs that the output cannot encode as escapes, as Python does where it prints errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
