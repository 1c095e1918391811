"""The object that stands for a class in the grid: made without arguments, a value with a name of its own."""

import re
from typing import Any

from ..errors import UserError
from ..failure import failure_of
from .value import require_value

_CHANGING = re.compile(r" at 0x[0-9a-fA-F]+|set\(|\{['\"\w]+[,}]")
"""What prints otherwise in another process: addresses and sets."""


def default_object(cls: type) -> Any:
    """Make an object of a class without arguments.

    Raises:
        UserError: if that fails, or if the object is no value (see `require_value`) or has no name.
    """
    try:
        entry, twin = cls(), cls()
    except BaseException as error:
        raise UserError(
            f"{cls.__name__} must be made without arguments, every field with a default: {failure_of(error)}"
        ) from error
    require_value(entry)
    require_value(twin)
    _refuse_without_a_name(entry, twin)
    return entry


def _refuse_without_a_name(entry: Any, twin: Any) -> None:
    """Refuse what does not print as its name and fields: records are named by it, in every process alike.

    Python's own repr holds an address, and a set prints in another order in every process.
    """
    name, text = type(entry).__name__, repr(entry)
    if text == repr(twin) and text.startswith(name) and not _CHANGING.search(text):
        return
    raise UserError(
        f"{name}() prints as {text}, and records are named by that: it must be {name}(...) with the "
        "values of its fields, the same in every process; make it a frozen dataclass, as "
        "`hypergrad_bench.problems.configuration` does, or give it such a __repr__, without address or set"
    )
