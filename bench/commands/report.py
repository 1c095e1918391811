"""`hgb report`: a page for a browser."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer
from pydantic import JsonValue

from ...problems.files.saved_regularizer import DESCRIPTION, load_regularizer
from ..errors import UserError
from ..machine.device import use_device
from ..pages.blocks import Block, Document, PlainTable, Words
from ..pages.pictures import filter_picture
from ..pages.render import write_html
from ..pages.run_document import ShownRun, environment_table, page_document, run_document
from ..records.line_file import BadLine
from ..report.terminal import print_lines
from ..runs.claims import settled_claims
from ..runs.reproduction_file import reproduction_folder
from ..runs.reproduction_page import page_of
from ..runs.run_file import run_folder
from ..runs.training_file import is_comparison, is_of_training, training_folder
from ..runs.training_pages import page_of_comparison, page_of_training
from .claims import claims_table

REPORT = "report.html"


def write_report(folders: Sequence[Path], out: Path | None) -> None:
    """Write one page: of one or more runs, of a reproduction, or of a training or a comparison of trainings.

    Raises:
        UserError: if a folder is none of them, or is damaged; if several are given and one is not a run; and,
            once the page is written, if it leaves out lines that cannot be read.
    """
    pages = [folder for folder in folders if _has_page(folder)]
    if pages and len(folders) > 1:
        raise UserError(f"{pages[0]} is not a run: it has a page of its own; several runs share one")
    use_device("cpu")  # learned filters can be in float64
    document, left_out = _of_page(folders[0]) if pages else _of_runs(folders)
    path = out or (folders[0] / REPORT if len(folders) == 1 else Path(REPORT))
    write_html(document, path)
    typer.echo(f"The page is {path}")
    if left_out:
        print_lines("left out", left_out)
        raise UserError(f"the page leaves out {len(left_out)} lines that cannot be read")


def write_run_report(folder: Path) -> Path:
    """Write the page of one run into its folder, and return its path.

    Raises:
        UserError: if it cannot be read or written.
    """
    path = folder / REPORT
    write_html(_of_runs([folder])[0], path)
    return path


def _has_page(folder: Path) -> bool:
    return reproduction_folder(folder).about_path.exists() or is_of_training(folder)


def _of_runs(folders: Iterable[Path]) -> tuple[Document, list[BadLine]]:
    shown: dict[str, ShownRun] = {}
    left_out: list[BadLine] = []
    for folder in folders:
        files = run_folder(folder)
        about, reading = files.about(), files.journal.read()
        left_out += reading.bad_lines
        name = _new_name(folder, shown)
        shown[name] = ShownRun(
            name,
            tuple(reading.entries),
            files.clock_warnings(),
            about.environment,
            about.command,
            folder,
        )
    # A page is handed on: it says which folder, not where on this machine.
    claims = claims_table(settled_claims(), lambda folder: folder.name)
    return run_document(list(shown.values()), claims), left_out


def _new_name(folder: Path, taken: Iterable[str]) -> str:
    """Return the folder's own name; with a number where another folder has the same."""
    name, known = folder.resolve().name, set(taken)
    number = 2
    while name in known:
        name, number = f"{folder.resolve().name} ({number})", number + 1
    return name


def _of_page(folder: Path) -> tuple[Document, list[BadLine]]:
    if reproduction_folder(folder).about_path.exists():
        about = reproduction_folder(folder).about()
        shown = page_of(folder)
        return page_document(shown.page, _provenance(folder, about.environment)), list(shown.left_out)
    if is_comparison(folder):
        found = page_of_comparison(folder)
        return page_document(found.page), list(found.left_out)
    about = training_folder(folder).about()
    found = page_of_training(folder)
    further = [*_filters(folder), *_provenance(folder, about.environment)]
    return page_document(found.page, further), list(found.left_out)


def _provenance(folder: Path, environment: Mapping[str, JsonValue]) -> list[Block]:
    return [PlainTable(environment_table({folder.resolve().name: environment}))]


def _filters(folder: Path) -> list[Block]:
    """Return the learned filters, or why they cannot be read; none where nothing was saved yet."""
    if not (folder / DESCRIPTION).exists():
        return []
    try:
        picture = filter_picture(load_regularizer(folder))
    except (ValueError, OSError) as error:
        return [Words(f"the learned regulariser cannot be read: {error}", "Warning", warning=True)]
    return [] if picture is None else [picture]
