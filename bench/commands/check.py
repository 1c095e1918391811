"""`hgb check`: does a plug-in conform?"""

from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from ..catalogue.catalogue import built_in
from ..catalogue.entry import Origin
from ..catalogue.plugin import with_plugins
from ..conformance.check_all import checks
from ..conformance.finding import Finding
from ..machine.device import use_device
from ..measure.loaded_programs import unload_if_many
from ..progress import RunProgress
from ..report.terminal import compact_table, standard_output

CHECKS_BETWEEN = 25
"""Checks between two looks at how many compiled programs the process holds."""


def check(path: Path) -> None:
    """Check everything that a plug-in defines, and print the findings.

    Raises:
        typer.Exit: with status 2, if a finding failed.
    """
    use_device("cpu")
    catalogue = with_plugins(built_in(), [path])
    listed = checks(catalogue, catalogue.of_origin(Origin.PLUGIN))
    findings = []
    with RunProgress(len(listed)) as progress:
        for done, one in enumerate(listed):
            if done % CHECKS_BETWEEN == 0:
                unload_if_many()
            progress.begin(one.subject)
            findings += one.findings()
            progress.advance(1)
    failed = [finding for finding in findings if not finding.passed]
    _print([*failed, *(finding for finding in findings if finding.passed)])
    Console(highlight=False).print(f"{len(findings)} findings, {len(failed)} of them failed.")
    if failed:
        raise typer.Exit(2)


def _print(findings: list[Finding]) -> None:
    table = compact_table()
    for title in ("", "subject", "check", "detail"):
        table.add_column(title)
    for finding in findings:
        mark = Text("pass", style="green") if finding.passed else Text("FAIL", style="bold red")
        table.add_row(mark, Text(finding.subject), Text(finding.check), Text(finding.detail))
    standard_output().print(table)
