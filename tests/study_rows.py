"""What the tests of reproductions share."""

import json
from typing import Any


def plain(rows: list[Any]) -> None:
    """Rows can be recorded: JSON without NaN gives them back."""
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def replaced(rows: list[Any], which: int, **changes: Any) -> list[Any]:
    """Rows with one of them changed."""
    return [row | changes if number == which else row for number, row in enumerate(rows)]
