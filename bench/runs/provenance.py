"""What a run and a reproduction note of themselves: how they were started, when, and on what."""

import datetime
from collections.abc import Sequence
from typing import TypedDict

from pydantic import JsonValue

from ..machine.environment import environment


class Provenance(TypedDict):
    """Fields that the about files of both kinds of folder share."""

    command: list[str]
    created: str
    environment: dict[str, JsonValue]


def provenance(command: Sequence[str]) -> Provenance:
    """Return the command as it was typed, the time, and the environment."""
    return {"command": list(command), "created": now(), "environment": environment()}


def now() -> str:
    """Return the time as ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
