"""What the fields of suites, their workloads and their sweeps may hold."""

from typing import Any


def require(holder: object, field: str, accepted: str, holds: bool) -> None:
    """Raise `ValueError`, which says what is accepted, unless a field holds what it should."""
    if not holds:
        kind, given = type(holder).__name__, getattr(holder, field)
        raise ValueError(f"{field} of a {kind.lower()} is {given!r}; {accepted} is accepted")


def require_names(holder: object, *fields: str) -> None:
    """Raise `ValueError` unless fields are tuples of names; a name alone would be a tuple of its letters."""
    for field in fields:
        require(holder, field, "a tuple of names", are(str, getattr(holder, field)))


def require_whole(holder: object, *fields: str) -> None:
    """Raise `ValueError` unless fields are tuples of whole numbers from 1 on, one or more."""
    for field in fields:
        numbers = getattr(holder, field)
        holds = isinstance(numbers, tuple) and len(numbers) > 0 and all(map(is_whole, numbers))
        require(holder, field, "a tuple of whole numbers from 1 on", holds)


def are(kind: type, values: Any) -> bool:
    """Tell whether something is a tuple of a kind alone; a text must not be empty."""
    return isinstance(values, tuple) and all(isinstance(one, kind) and one != "" for one in values)


def is_whole(number: Any) -> bool:
    """Tell whether something is a whole number from 1 on."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
