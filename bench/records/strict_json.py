"""JSON as the standard has it: no NaN, no infinity, no number beyond a float, no tower of brackets."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ..errors import UserError
from .durable import refuse_special

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors put before the first line of a file in UTF-8."""
_NO_CONSTANT = "; NaN and Infinity are not JSON, and a value that is not finite is written as null"
_SHOWN = 80
_Model = TypeVar("_Model", bound=BaseModel)


def strict_json(text: bytes) -> Any:
    """Return the value that JSON text stands for.

    Raises:
        UserError: if it is no JSON, or holds NaN, infinity, a number beyond the largest float, or more
            brackets inside each other than some 200.
    """
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        hint = _NO_CONSTANT if names_a_constant(text) else ""
        raise UserError(f"not a line of JSON ({error}){hint}") from error
    if any(map(_too_large, _numbers(value))):
        raise UserError("not a line of JSON that can be kept: a number is beyond the largest float")
    return value


def names_a_constant(text: bytes) -> bool:
    """Tell whether text may hold NaN or Infinity, which Python's own writer makes, outside its strings."""
    return b"NaN" in text or b"Infinity" in text


def read_model(path: Path, kind: type[_Model], noun: str) -> _Model:
    """Read a JSON file into a model, with exactly the fields and types that the model has.

    Args:
        path: the file.
        kind: the model.
        noun: what the file holds, for messages: "the account of a run".

    Raises:
        OSError: if there is no such file.
        UserError: if it is damaged, with the first thing that is wrong with it.
    """
    refuse_special(path)
    content = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    try:
        return kind.model_validate_json(json.dumps(strict_json(content)), strict=True)
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {complaint(error, noun)}") from error
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}") from error


def complaint(error: ValidationError, noun: str) -> str:
    """Say in one sentence what the first wrong field of an object is, and what is accepted there."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{noun} without the required field {name!r}"
    if first["type"] == "extra_forbidden":
        return f"{noun} with the field {name!r}, which this version does not know"
    shown = repr(first["input"])
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + " ..."
    return f"field {name!r} holds {shown}: {first['msg'].lower()}"


def _numbers(value: Any) -> Iterator[int | float]:
    """Yield every number inside a value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float):
            yield one


def _too_large(number: int | float) -> bool:
    """Tell whether a number, a whole one of any length or the infinity that a literal became, is no float."""
    try:
        return not math.isfinite(number)
    except OverflowError:
        return True
