"""One case of a reproduction with its rows, as it is written to the journal and read by its page."""

import datetime
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from ..errors import UserError
from .status import Status, status_named
from .strict_json import complaint, strict_json


class ReproducedCase(BaseModel):
    """Hold a case of a reproduction that was measured: its name, when that was, and its rows.

    Lines are strict JSON: a number that is not finite is held as it is and written as null.
    """

    model_config = ConfigDict(strict=True)

    case: str
    created: str
    """ISO 8601, UTC."""
    rows: list[dict[str, JsonValue]]
    where: dict[str, str] = {}
    """Worker and machine, of a case that a cluster measured."""

    def line_name(self) -> str:
        """Return the case's name in messages."""
        return f"case {self.case!r}"

    def to_line(self) -> str:
        """Return the case as one line of strict JSON.

        Raises:
            UserError: for a row whose status is not on the closed list. Rows without a status are accepted.
        """
        _refuse_unknown_statuses(self.case, self.rows)
        unsaid = set() if self.where else {"where"}  # most cases are measured on no cluster
        return json.dumps(_finite(self.model_dump(mode="json", exclude=unsaid)), allow_nan=False)

    @classmethod
    def from_line(cls, line: bytes) -> "ReproducedCase":
        """Read a case from its line, with statuses of whatever version wrote it.

        Raises:
            UserError: with what is wrong with the line.
        """
        fields = strict_json(line)
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise UserError(complaint(error, "a case")) from error


def reproduced_now(
    case: str, rows: Iterable[Mapping[str, Any]], where: Mapping[str, str] | None = None
) -> ReproducedCase:
    """Return a case with its rows, measured this moment.

    Args:
        case: its name.
        rows: of plain JSON values.
        where: worker and machine, if a cluster measured it.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return ReproducedCase(case=case, created=now, rows=[dict(row) for row in rows], where=dict(where or {}))


def _refuse_unknown_statuses(case: str, rows: Sequence[dict[str, JsonValue]]) -> None:
    for number, row in enumerate(rows, start=1):
        try:
            status_named(row.get("status", Status.OK))
        except UserError as error:
            raise UserError(f"row {number} of case {case!r} cannot be recorded: {error}") from error


def _finite(value: Any) -> Any:
    """Return the same value with null in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
