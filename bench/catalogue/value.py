"""Settings as values: what the grid, the programs and the records do with an entry of the catalogue."""

from collections.abc import Callable
from typing import Any

from ...problems.ground_truth import FingerprintedTruth
from ..errors import UserError
from ..failure import failure_of


def require_value(entry: Any) -> None:
    """Raise `UserError` unless an object can be told apart by hash, equality and label.

    Programs are kept by the hash of a configuration and records by its `repr`: an object without either could
    not be measured.
    """
    questions: dict[str, Callable[[], bool]] = {
        "a hash": lambda: hash(entry) == hash(entry),
        "a `repr` that is a text": lambda: bool(repr(entry).strip()),
        "equality with itself, and with other classes' objects": lambda: (
            bool(entry == entry) and entry != object()
        ),
        "a fingerprint that is a text": lambda: (
            not isinstance(entry, FingerprintedTruth) or isinstance(entry.fingerprint(), str)
        ),
    }
    for wanted, holds in questions.items():
        try:
            found = "" if holds() else "it has none"
        except BaseException as error:
            found = failure_of(error)
        if found:
            raise UserError(
                f"{type(entry).__name__} needs {wanted} ({found}); a frozen dataclass of plain settings is "
                "accepted, see `problems.configuration`"
            )
