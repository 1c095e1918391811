"""The page of a reproduction's folder, made of the rows that are there."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UserError, first_line
from ..failure import failure_of
from ..records.line_file import BadLine
from ..records.reproduced_case import ReproducedCase
from ..report.page import Page, write_page
from ..reproductions.reproduction import Reproduction
from ..reproductions.rows import RecordedRow
from .reproduce import reproduction_named
from .reproduction_file import ReproductionFile, reproduction_folder


class Shown(NamedTuple):
    """Hold the page of a folder, and the lines of its rows that the page leaves out."""

    page: Page
    left_out: tuple[BadLine, ...]


def page_of(folder: Path) -> Shown:
    """Make the page of a folder from its rows; nothing is written.

    Lines that are no measured case are left out, and so are cases whose rows the page cannot show, as those
    of another version: each is named.

    Raises:
        UserError: if the folder is damaged, or if no page can be made of its rows.
    """
    files = reproduction_folder(folder)
    about = files.about()
    entry = reproduction_named(about.name)
    read = files.journal.read()
    path, cases = files.journal.path, _in_order(read.by_number, about)
    unfit: dict[int, str] = {}
    try:
        page = _page(entry, cases)
    except Exception as whole:  # the rows may be anybody's
        unfit = _unfit(entry, cases)
        try:
            page = _page(entry, {number: case for number, case in cases.items() if number not in unfit})
        except Exception as error:
            raise UserError(f"no page can be made of {path}: {failure_of(whole)}") from error
    page = replace(page, warnings=files.clock_warnings())
    left_out = [BadLine(str(path), number, reason) for number, reason in unfit.items()]
    return Shown(page, tuple(sorted([*read.bad_lines, *left_out])))


def write_page_of(folder: Path, page: Page) -> None:
    """Write a folder's page and its figures.

    Raises:
        UserError: if the folder cannot be written, or a figure cannot be drawn of these rows.
    """
    try:
        write_page(page, folder)
    except UserError:
        raise
    except Exception as error:
        path = reproduction_folder(folder).journal.path
        raise UserError(f"the figures of {path} cannot be drawn: {failure_of(error)}") from error


def _in_order(cases: Mapping[int, ReproducedCase], about: ReproductionFile) -> dict[int, ReproducedCase]:
    """Return cases as they were asked for: workers are done in any order."""
    place = {name: number for number, name in enumerate(about.cases or [])}
    return dict(sorted(cases.items(), key=lambda one: (place.get(one[1].case, len(place)), one[0])))


def _page(entry: Reproduction[Any], cases: Mapping[int, ReproducedCase]) -> Page:
    return entry.page([_in_short(row) for case in cases.values() for row in case.rows])


def _in_short(row: RecordedRow) -> RecordedRow:
    """Return a row for a page: of a reason of many lines the first."""
    reason = row.get("reason")
    return row | {"reason": first_line(reason)} if isinstance(reason, str) else row


def _unfit(entry: Reproduction[Any], cases: Mapping[int, ReproducedCase]) -> dict[int, str]:
    """Return the lines of which no page can be made even alone, each with a sentence."""
    unfit = {}
    for number, measured in cases.items():
        try:
            _page(entry, {number: measured})
        except Exception as error:
            unfit[number] = (
                f"the page cannot show the rows of case {measured.case!r} ({failure_of(error)}); the line "
                "stays there, and once you delete it `hgb reproduce --resume` measures the case again"
            )
    return unfit
