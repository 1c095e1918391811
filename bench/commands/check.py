"""`hgb check`: does a plug-in conform?"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from ..catalogue.catalogue import built_in
from ..catalogue.entry import Origin
from ..catalogue.plugin import with_plugins
from ..conformance.check_all import checks
from ..conformance.finding import Check, Finding
from ..machine.device import use_device
from ..measure.loaded_programs import unload_if_many
from ..progress import RunProgress
from ..report.terminal import compact_table, standard_output

CHECKS_BETWEEN = 25
"""Checks between two looks at how many compiled programs the process holds."""


def check(path: Path, first_only: bool) -> None:
    """Check everything that a plug-in defines, and print the findings.

    Raises:
        typer.Exit: with status 2, if a finding failed.
    """
    use_device("cpu")
    catalogue = with_plugins(built_in(), [path])
    listed = checks(catalogue, catalogue.of_origin(Origin.PLUGIN))
    first, later = [one for one in listed if one.first], [one for one in listed if not one.first]
    findings = _found(first, RunProgress(len(first)))
    if first_only:
        remark = f"; {len(later)} more checks run without --first"
    else:
        _print_first(findings, len(later))
        findings += _found(later, RunProgress(len(listed), before=len(first)))
        remark = ""
    failed = _failed(findings)
    _print([*failed, *(finding for finding in findings if finding.passed)])
    Console(highlight=False).print(f"{len(findings)} findings, {len(failed)} of them failed{remark}.")
    if failed:
        raise typer.Exit(2)


def _found(listed: Sequence[Check], shown: RunProgress) -> list[Finding]:
    findings = []
    with shown as progress:
        for done, one in enumerate(listed):
            if done % CHECKS_BETWEEN == 0:
                unload_if_many()
            progress.begin(one.subject)
            findings += one.findings()
            progress.advance(1)
    return findings


def _failed(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]


def _print_first(findings: Sequence[Finding], later: int) -> None:
    failed = _failed(findings)
    if failed:
        _print(failed)
    Console(highlight=False, soft_wrap=True).print(
        f"First verdict: {len(findings)} findings, {len(failed)} of them failed. {later} more checks follow; "
        "--first ends here."
    )


def _print(findings: Iterable[Finding]) -> None:
    table = compact_table()
    for title in ("", "subject", "check", "detail"):
        table.add_column(title)
    for finding in findings:
        mark = Text("pass", style="green") if finding.passed else Text("FAIL", style="bold red")
        table.add_row(mark, Text(finding.subject), Text(finding.check), Text(finding.detail))
    standard_output().print(table)
