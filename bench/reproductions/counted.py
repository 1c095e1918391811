"""Targets of which a verdict counts how many rows meet them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..report.text_table import TextTable

HOLDS, DOES_NOT_HOLD, NOT_MEASURED = "holds", "does not hold", "not measured"


@dataclass(frozen=True)
class Counted:
    """A claim, how many of the rows that it can be judged on meet it, and a detail, such as the worst."""

    claim: str
    met: int
    of: int
    detail: str = ""
    left_out: str = ""

    @property
    def outcome(self) -> str:
        """One of holds, does not hold, not measured."""
        if not self.of:
            return NOT_MEASURED
        return HOLDS if self.met == self.of else DOES_NOT_HOLD


def counted_verdict(judged: Sequence[Counted]) -> str:
    """Return the outcomes in sentences, one per outcome, with the counts."""
    parts = []
    for outcome in (HOLDS, DOES_NOT_HOLD, NOT_MEASURED):
        found = [_phrase(one) for one in judged if one.outcome == outcome]
        if found:
            parts.append(f"{outcome.capitalize()}: {'; '.join(found)}.")
    return " ".join(parts)


def targets_section(judged: Sequence[Counted]) -> TextTable:
    """Return the table of the targets."""
    lines = [
        [one.claim, f"{one.met} of {one.of}", one.detail, one.left_out or "none", one.outcome]
        for one in judged
    ]
    return TextTable("Targets", "", ("target", "met by", "detail", "left out", "verdict"), lines)


def _phrase(one: Counted) -> str:
    if not one.of:
        return f"{one.claim}{f' ({one.left_out})' if one.left_out else ''}"
    details = [f"{one.met} of {one.of}", one.detail, one.left_out]
    return f"{one.claim} ({', '.join(filter(None, details))})"
