"""Settings as values: what the grid, the programs and the records do with an entry of the catalogue."""

from collections.abc import Callable
from typing import Any

from ..errors import UserError
from ..failure import failure_of

TRAITS = (
    "uses_every_step",
    "exact",
    "accuracy",
    "costly",
    "in_a_child",
    "adjoint_of_energy",
    "adjoint_can_start",
    "differentiable_step",
    "checks_every_step",
    "one_at_a_time",
)
"""Attributes that solvers and methods can leave out: see their protocols."""


def require_value(entry: Any) -> None:
    """Raise `UserError` unless an object can be told apart by hash, equality and label.

    Programs are kept by the hash of a configuration and records by its `repr`: an object without either could
    not be measured. Its attributes must be readable as well.
    """
    questions: dict[str, Callable[[], bool]] = {
        "a hash": lambda: hash(entry) == hash(entry),
        "a `repr` that is a text": lambda: bool(repr(entry).strip()),
        "equality with itself, and with other classes' objects": lambda: (
            bool(entry == entry) and entry != object()
        ),
        "attributes that can be read": lambda: all(_readable(entry, name) for name in TRAITS),
        "a fingerprint that is a text": lambda: isinstance(getattr(entry, "fingerprint", str)(), str),
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


def _readable(entry: Any, name: str) -> bool:
    getattr(entry, name, None)
    return True
