"""A question with a fixed set of cases, answered by tables, figures and a verdict."""

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from ..records.status import Status
from ..report.page import Page
from .rows import RecordedRow


@runtime_checkable
class NamedCase(Protocol):
    """What is measured at once: a frozen value with all that measuring needs, under a name for people.

    The name is recorded, and resuming compares it; nothing reads it back into data.
    """

    @property
    def name(self) -> str:
        """Its name, another for each case of a reproduction."""
        ...


AnyCase = TypeVar("AnyCase", bound=NamedCase)


@runtime_checkable
class Reproduction(Protocol[AnyCase]):
    """A frozen dataclass with defaults; the first sentence of its docstring is its entry in the list."""

    def cases(self, quick: bool) -> Sequence[AnyCase]:
        """Return the cases in the order in which they are measured; a few small ones with `quick`.

        What is compared belongs into one case: its competitors are timed in the same rounds.
        """
        ...

    def measure(self, case: AnyCase, quick: bool) -> Sequence[Mapping[str, Any]]:
        """Measure one case, alone; its rows are recorded at once.

        A row is a `TypedDict` of plain JSON values under names that say their unit (`solve_seconds`,
        `temp_bytes`), documented field by field. What cannot be measured is a row with a `status` and a
        `reason`, not an exception. The status is a value of `Status`; others are refused before anything of
        the case is recorded.
        """
        ...

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Make the page from the recorded rows of all cases measured so far, of this or an earlier version.

        Raises:
            UserError: for a row that lacks a field which the page shows, or holds another type there.
        """
        ...


@runtime_checkable
class TakesImages(Protocol):
    """A reproduction that can be asked of a user's own images."""

    def of_images(self, folder: Path) -> Reproduction[Any]:
        """Return the same reproduction on the images of a folder."""
        ...


@runtime_checkable
class EndsProcesses(Protocol):
    """A reproduction whose cases may crash, hang or fill the memory: they have a process of their own."""

    def ended(self, case: Any, quick: bool, status: Status, reason: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a case that ended its process, as `status` and `reason` tell it."""
        ...


def summary(entry: Reproduction[Any]) -> str:
    """Return the first sentence of the docstring."""
    text = (inspect.getdoc(type(entry)) or "").split("\n\n")[0]
    return re.sub(r"\s+", " ", text)
