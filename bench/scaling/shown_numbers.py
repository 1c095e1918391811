"""Numbers as the tables of a page show them."""

import math

from .program_cost import Number

_SECONDS = ((365.25 * 86400, "years"), (86400, "days"), (3600, "h"), (60, "min"), (1.0, "s"), (1e-3, "ms"))
_BYTES = ((2.0**50, "PiB"), (2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def two_digits(value: Number) -> str:
    """Return a number with two significant digits and no exponent below a million."""
    if not math.isfinite(value):
        return "unknown"
    return f"{value:.2g}" if abs(value) < 10 else f"{float(f'{value:.2g}'):,.0f}"


def duration(seconds: Number) -> str:
    """Return seconds in the unit in which there are at least two of them."""
    return _in_units(seconds, (*_SECONDS, (1e-6, "µs")))


def size(count: Number) -> str:
    """Return bytes likewise."""
    return _in_units(count, (*_BYTES, (1.0, "B")))


def within(value: Number, factor: Number | None, shown: str) -> str:
    """Return a prediction with the range that a factor gives.

    Args:
        value: predicted.
        factor: up to so many times as much or as little; None or infinite where nothing was checked.
        shown: "seconds" or "bytes".
    """
    show = duration if shown == "seconds" else size
    if factor is None or math.isinf(factor):
        return f"{show(value)}, not checked"
    return f"{show(value)} ({show(value / factor)} to {show(value * factor)})"


def _in_units(value: Number, units: tuple[tuple[Number, str], ...]) -> str:
    for unit, name in units:
        if value >= 2 * unit or unit == units[-1][0]:
            return f"{two_digits(value / unit)} {name}"
    raise AssertionError("the last unit takes what is left")
