"""`hgb reproduce`: papers' claims and recorded figures."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import UserError
from ..machine.device import use_device
from ..report.page import print_page
from ..report.terminal import print_lines
from ..reproductions.reproduction import summary
from ..runs.folder import new_folder
from ..runs.reproduce import (
    ReproductionPlan,
    built_in_reproductions,
    plan_reproduction,
    plan_reproduction_again,
    reproduction_named,
    started_reproduction,
)
from ..runs.reproduction_file import reproduction_folder
from ..runs.reproduction_page import page_of, write_page_of
from .measuring import measure, typed


def reproduce(name: str | None, quick: bool, out: Path | None, resume: Path | None, device: str) -> None:
    """Measure one claim, or list them all.

    Raises:
        UserError: for options that do not go together, or if the page lacks lines that cannot be read.
    """
    if name is None and resume is None:
        if quick or out is not None:
            raise UserError(f"which reproduction? accepted: {', '.join(built_in_reproductions())}")
        _list()
        return
    use_device(device)
    plan = _planned(name, quick, out, resume)
    folder = reproduction_folder(plan.folder)
    measure(started_reproduction(plan, typed()), folder)
    page, left_out = page_of(plan.folder)
    write_page_of(plan.folder, page)
    print_page(page)
    Console().print(Text(f"Rows, tables and figures are in {plan.folder}"), soft_wrap=True)
    if left_out:
        print_lines("left out", left_out)
        raise UserError(f"the page lacks {len(left_out)} lines of {folder.journal.path}")


def _planned(name: str | None, quick: bool, out: Path | None, resume: Path | None) -> ReproductionPlan:
    if resume is None:
        entry = name or ""
        reproduction_named(entry)
        return plan_reproduction(entry, quick, new_folder(out, entry))
    if name is not None or quick or out is not None:
        raise UserError("--resume takes its name and options from the folder; give only --device")
    return plan_reproduction_again(resume)


def _list() -> None:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, entry in built_in_reproductions().items():
        table.add_row(name, Text(summary(entry)))
    Console(highlight=False).print(table)
