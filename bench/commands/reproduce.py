"""`hgb reproduce`: papers' claims and recorded figures."""

import datetime
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import UserError
from ..machine.device import use_device
from ..progress import RunProgress
from ..report.page import print_page
from ..report.terminal import print_lines
from ..reproductions.reproduction import summary
from ..runs.reproduce import (
    ROWS,
    built_in_reproductions,
    opened,
    page_of,
    read_about,
    reproduction_named,
    rows_of,
)
from .run import LOCAL


def reproduce(
    name: Annotated[str | None, typer.Argument(help="Which; without a name, all are listed.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, few rounds: does it run?")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of its rows and page; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the one in this folder.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Measure one claim, and print its tables and its verdict.

    Rows are written as they are made: one that was stopped goes on with --resume.

    Examples:
        hgb reproduce

        hgb reproduce blorc-timing

        hgb reproduce blorc-timing --quick

        hgb reproduce --resume results/local/20260101-120000-blorc-timing
    """
    if name is None and resume is None:
        if quick or out is not None:
            raise UserError(f"which reproduction? accepted: {', '.join(built_in_reproductions())}")
        _list()
        return
    use_device(device)
    folder, name, quick = _target(name, quick, out, resume)
    _measure(folder, name, quick)
    page, left_out = page_of(folder)
    print_page(page)
    Console().print(Text(f"Rows, tables and figures are in {folder}"), soft_wrap=True)
    if left_out:
        print_lines("left out", left_out)
        raise UserError(f"the page lacks {len(left_out)} lines of {folder / ROWS}")


def _target(name: str | None, quick: bool, out: Path | None, resume: Path | None) -> tuple[Path, str, bool]:
    if resume is not None:
        if name is not None or quick or out is not None:
            raise UserError("--resume takes its name and options from the folder; give only --device")
        about = read_about(resume)
        return resume, about.name, about.quick
    reproduction_named(name or "")
    if out is None:
        now = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        return LOCAL / f"{now}-{name}", name or "", quick
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            f"--out {out} is not an empty folder; give a new one, or --resume {out} to go on with it"
        )
    return out, name or "", quick


def _measure(folder: Path, name: str, quick: bool) -> None:
    messages = Console(stderr=True, highlight=False)
    try:
        with opened(folder, name, quick, ["hgb", *sys.argv[1:]]) as running:
            print_lines(f"set aside in {rows_of(folder).rejected.name}", running.rejected)
            cases = running.cases
            with RunProgress(len(cases), before=len(running.recorded.intersection(cases))) as progress:
                running.measure_missing(progress)
    except KeyboardInterrupt:
        command = f"hgb reproduce --resume {shlex.quote(str(folder))}"
        messages.print(Text(f"stopped; what is recorded is kept: {command} goes on"), soft_wrap=True)
        raise typer.Exit(130) from None


def _list() -> None:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, entry in built_in_reproductions().items():
        table.add_row(name, summary(entry))
    Console(highlight=False).print(table)
