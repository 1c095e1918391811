"""`hgb claims`: the papers' claims with their verdicts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from ..report.terminal import standard_output, terminal_table
from ..report.text_table import TextTable
from ..runs.claims import SettledClaim, settled_claims

COLUMNS = ("claim", "in a sentence", "setting", "measured", "the authors' figure", "verdict", "folder")


def print_claims(as_json: bool) -> None:
    """Print every claim, as a table or as JSON."""
    found = settled_claims()
    if as_json:
        typer.echo(json.dumps([claim_fields(one) for one in found], indent=2))
        return
    standard_output().print(terminal_table(claims_table(found)))


def claims_table(found: list[SettledClaim], place: Callable[[Path], str] = str) -> TextTable:
    """Return the claims as a table, their rules below it; `place` says how a folder is shown."""
    rules = [f"{one.claim.name}: {one.finding.rule}" for one in found if one.finding.rule]
    return TextTable(
        "Claims of the papers",
        "The verdict follows from the recorded rows in the folder, by the rule below the table.",
        COLUMNS,
        [_line(one, place) for one in found],
        words=COLUMNS,
        remarks=rules,
    )


def claim_fields(settled: SettledClaim) -> dict[str, Any]:
    """Return a claim as plain values by name; a folder is None where nothing is recorded.

    Reproduction and folder are those of the worst verdict; `parts` has each reproduction's own.
    """
    claim, finding = settled.claim, settled.finding
    return {
        "claim": claim.name,
        "paper": claim.paper.title,
        "sentence": claim.sentence,
        "setting": finding.setting,
        "measured": finding.measured,
        "paper_figure": claim.figure,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "rule": finding.rule,
        "reproduction": settled.reproduction,
        "folder": _folder(settled.folder),
        "parts": [
            {
                "reproduction": part.reproduction,
                "verdict": part.finding.verdict.value,
                "reason": part.finding.reason,
                "folder": _folder(part.folder),
            }
            for part in settled.parts
        ],
    }


def _folder(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _line(settled: SettledClaim, place: Callable[[Path], str]) -> list[str]:
    claim, finding = settled.claim, settled.finding
    verdict = f"{finding.verdict.value}: {finding.reason}" if finding.reason else finding.verdict.value
    folder = ", ".join(place(part.folder) for part in settled.parts if part.folder is not None)
    return [claim.name, claim.sentence, finding.setting, finding.measured, claim.figure, verdict, folder]
