"""`hgb reproduce`: papers' claims and recorded figures."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..catalogue.paper_claims import ALL, PAPERS
from ..distributing.cluster import Workers, require_cluster
from ..errors import UserError
from ..isolation.limits import IsolationLimits
from ..machine.device import use_device
from ..report.page import print_page
from ..report.terminal import print_lines
from ..reproductions.reproduction import summary
from ..runs.claims import grouped_reproductions
from ..runs.folder import new_folder
from ..runs.reproduce import (
    ReproductionPlan,
    built_in_reproductions,
    names_measured_apart,
    names_taking_images,
    plan_reproduction,
    plan_reproduction_again,
    reproduction_named,
    started_reproduction,
)
from ..runs.reproduction_file import reproduction_folder
from ..runs.reproduction_page import page_of, write_page_of
from .measuring import measure, typed


def reproduce(
    name: str | None,
    quick: bool,
    out: Path | None,
    resume: Path | None,
    images: Path | None,
    isolation: IsolationLimits | None,
    device: str,
    workers: Workers | None,
) -> None:
    """Measure one claim, or those of a group one after the other, or list them all.

    Raises:
        UserError: for options that do not go together, or if the page lacks lines that cannot be read.
    """
    if name is None and resume is None:
        if quick or (out, images, isolation) != (None, None, None):
            known = [*(paper.name for paper in PAPERS), ALL, *built_in_reproductions()]
            raise UserError(f"which reproduction? accepted: {', '.join(known)}")
        _list()
        return
    if resume is not None and (quick or (name, out, images, isolation) != (None, None, None, None)):
        raise UserError(
            "--resume takes its name and options from the folder; give only --device, --workers and "
            "--scheduler"
        )
    if workers is not None:
        require_cluster(workers)
    use_device(device, spare=workers is not None or _is_apart(name, resume))
    for plan in _planned(name, quick, out, resume, images, isolation):
        _measure(plan, device, workers)


def _is_apart(name: str | None, resume: Path | None) -> bool:
    """Tell whether other processes measure: they need the device's memory."""
    named = name or "" if resume is None else reproduction_folder(resume).about().name
    return not set(names_measured_apart()).isdisjoint(grouped_reproductions(named) or [named])


def _measure(plan: ReproductionPlan, device: str, workers: Workers | None) -> None:
    folder = reproduction_folder(plan.folder)
    measure(started_reproduction(plan, typed(), device, workers), folder)
    page, left_out = page_of(plan.folder)
    write_page_of(plan.folder, page)
    print_page(page)
    Console().print(Text(f"Rows, tables and figures are in {plan.folder}"), soft_wrap=True)
    if left_out:
        print_lines("left out", left_out)
        raise UserError(f"the page lacks {len(left_out)} lines of {folder.journal.path}")


def _planned(
    name: str | None,
    quick: bool,
    out: Path | None,
    resume: Path | None,
    images: Path | None,
    isolation: IsolationLimits | None,
) -> Sequence[ReproductionPlan]:
    if resume is not None:
        return [plan_reproduction_again(resume)]
    group = grouped_reproductions(name or "")
    if group is None:
        reproduction_named(name or "")
        return [plan_reproduction(name or "", quick, new_folder(out, name or ""), images, isolation)]
    taking = names_taking_images()
    if images is not None and not set(group) & set(taking):
        raise UserError(f"none of {name} takes --images; accepted: {', '.join(taking)}")
    if isolation is not None:
        accepted = ", ".join(names_measured_apart())
        raise UserError(f"none of {name} takes --case-seconds or --case-memory; accepted: {accepted}")
    folders = {one: new_folder(None if out is None else out / one, one) for one in group}
    return [
        plan_reproduction(one, quick, folder, images if one in taking else None)
        for one, folder in folders.items()
    ]


def _list() -> None:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, entry in built_in_reproductions().items():
        table.add_row(name, Text(summary(entry)))
    papers = ", ".join(paper.name for paper in PAPERS)
    console = Console(highlight=False)
    console.print(table)
    console.print(Text(f"By paper: {papers}, or {ALL}; `hgb claims` says what was found."))
