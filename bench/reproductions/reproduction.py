"""A question with a fixed set of cases, answered by tables, figures and a verdict."""

import inspect
import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from ..report.page import Page

Row = dict[str, JsonValue]
"""One measured line: plain values under names that say their unit (`solve_seconds`, `temp_bytes`)."""


@runtime_checkable
class Reproduction(Protocol):
    """A frozen dataclass without fields; the first sentence of its docstring is its entry in the list."""

    def cases(self, quick: bool) -> Sequence[str]:
        """Name the cases in the order in which they are measured; a few small ones with `quick`.

        What is compared belongs into one case: its competitors are timed in the same rounds.
        """
        ...

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure one case, alone; its rows are recorded at once.

        What cannot be measured is a row with a `status` and a `reason`, not an exception. The status is a
        value of `Status`; others are refused before anything of the case is recorded.
        """
        ...

    def page(self, rows: Sequence[Row]) -> Page:
        """Make the page from the rows of all cases measured so far."""
        ...


def summary(entry: Reproduction) -> str:
    """Return the first sentence of the docstring."""
    text = (inspect.getdoc(type(entry)) or "").split("\n\n")[0]
    return re.sub(r"\s+", " ", text)
