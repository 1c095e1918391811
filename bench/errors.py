"""The one exception that a user can mend, and the sentence that names a near miss."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class UserError(ValueError):
    """Report something that the user must mend: what was given, and what is accepted.

    The command line shows the message alone and leaves with exit status 2; a library user
    sees an ordinary `ValueError`. Not for what happens to a measurement at run time: that is
    a status in its record.
    """


def nearest(name: str, accepted: Iterable[str], kind: str = "name") -> str:
    """Return a sentence that refuses `name`, offers its nearest match and lists what is accepted.

    >>> nearest("closed-from", ["closed-form", "implicit"], kind="method")
    "unknown method 'closed-from'; did you mean 'closed-form'? accepted: closed-form, implicit"

    Case is ignored in the comparison. Without a near match the question is left out.
    """
    options = sorted(set(accepted))
    by_folded = {option.casefold(): option for option in options}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    question = f" did you mean {by_folded[matches[0]]!r}?" if matches else ""
    listing = ", ".join(options) if options else "nothing"
    return f"unknown {kind} {name!r};{question} accepted: {listing}"


def unwritable(path: Path, error: OSError) -> UserError:
    """Return the error that says which path cannot be written, and the system's reason."""
    return UserError(f"cannot write to {path}: {error.strerror or error}; a writable folder is accepted")


def refuse_taken(folder: Path, advice: str) -> None:
    """Raise `UserError`, which ends in the advice, if a folder is there and is no empty one.

    Files without a byte count for nothing: a run that found no room to begin leaves its lock and its journal.
    """
    if folder.exists() and (not folder.is_dir() or any(map(_holds_something, folder.iterdir()))):
        raise UserError(f"--out {folder} is not an empty folder; {advice}")


def _holds_something(path: Path) -> bool:
    return not path.is_file() or path.stat().st_size > 0


def first_line(text: str) -> str:
    """Return the first line of a message, for which a table has room; the record holds the whole."""
    return next(iter(text.strip().splitlines()), "")
