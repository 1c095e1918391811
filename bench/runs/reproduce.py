"""Run a reproduction case by case into a journal from which a stopped one goes on."""

import datetime
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from .. import reproductions
from ..errors import UserError, first_line, nearest, unwritable
from ..failure import failure_of
from ..grid.catalogue import kebab_case
from ..machine.environment import environment
from ..progress import RunProgress
from ..records.durable import replace_durably
from ..records.journal import exclusive
from ..records.line_file import BadLine, LineFile
from ..records.status import Status, status_named
from ..records.strict_json import complaint, read_model, strict_json
from ..report.page import Page, write_page
from ..reproductions.reproduction import Reproduction, Row

ABOUT, ROWS = "reproduction.json", "rows.jsonl"


class About(BaseModel):
    """What `reproduction.json` holds: what was asked for, its cases, and where the rows come from."""

    model_config = ConfigDict(extra="forbid")

    name: str
    quick: bool
    cases: list[str] | None = None
    """All of them, in their order; null in folders of older versions."""
    command: list[str]
    created: str
    environment: dict[str, JsonValue]


class MeasuredCase(BaseModel):
    """One line of `rows.jsonl`."""

    model_config = ConfigDict(strict=True)

    case: str
    created: str
    rows: list[Row]

    def to_line(self) -> str:
        """Return the case as one line of strict JSON: a number that is not finite is written as null."""
        return json.dumps(_finite(self.model_dump(mode="json")), allow_nan=False)

    @classmethod
    def from_line(cls, line: bytes) -> "MeasuredCase":
        """Read a case from its line; raise `UserError` with what is wrong with it."""
        fields = strict_json(line)
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise UserError(complaint(error, "a case")) from error


class Shown(NamedTuple):
    """Hold the page of a folder, and the lines of its rows that the page leaves out."""

    page: Page
    left_out: tuple[BadLine, ...]


def built_in_reproductions() -> dict[str, Reproduction]:
    """Return every reproduction by its name in kebab case."""
    classes = [cls for cls in vars(reproductions).values() if isinstance(cls, type)]
    return {kebab_case(cls.__name__): cls() for cls in classes}


def reproduction_named(name: str) -> Reproduction:
    """Return a reproduction by name; raise `UserError` for an unknown one."""
    known = built_in_reproductions()
    if name not in known:
        raise UserError(nearest(name, known, kind="reproduction"))
    return known[name]


def read_about(folder: Path) -> About:
    """Read `reproduction.json` of a folder; raise `UserError` if there is none, or it is damaged."""
    path = folder / ABOUT
    try:
        return read_model(path, About, "a reproduction")
    except OSError as error:
        raise UserError(
            f"{folder} is not the folder of a reproduction: cannot read {path} ({error.strerror})"
        ) from error


def rows_of(folder: Path) -> LineFile[MeasuredCase]:
    """Return the file of a folder's measured cases."""
    return LineFile(folder / ROWS, MeasuredCase.from_line, lambda measured: f"case {measured.case!r}")


def page_of(folder: Path, write: bool = True) -> Shown:
    """Make the page of a folder from its rows, and write it there, unless it is only to be looked at.

    Lines that are no measured case are left out, and so are cases whose rows the page cannot show, as those
    of another version: each is named.

    Raises:
        UserError: if the folder is damaged, or if no page can be made of its rows.
    """
    entry = reproduction_named(read_about(folder).name)
    file = rows_of(folder)
    read = file.read()
    found, bad = read.entries, read.bad_lines
    unfit: dict[int, str] = {}
    try:
        page = _page(entry, found)
    except Exception as whole:  # the rows may be anybody's
        unfit = _unfit(entry, found)
        try:
            page = _page(entry, {number: one for number, one in found.items() if number not in unfit})
        except Exception as error:
            raise UserError(f"no page can be made of {file.path}: {failure_of(whole)}") from error
    try:
        if write:
            write_page(page, folder)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"the figures of {file.path} cannot be drawn: {failure_of(error)}") from error
    left_out = [BadLine(str(file.path), number, reason) for number, reason in unfit.items()]
    return Shown(page, tuple(sorted([*bad, *left_out])))


def _page(entry: Reproduction, found: Mapping[int, MeasuredCase]) -> Page:
    return entry.page([_in_short(row) for measured in found.values() for row in measured.rows])


def _in_short(row: Row) -> Row:
    """Return a row for a page: of a reason of many lines the first."""
    reason = row.get("reason")
    return row | {"reason": first_line(reason)} if isinstance(reason, str) else row


def _unfit(entry: Reproduction, found: Mapping[int, MeasuredCase]) -> dict[int, str]:
    """Return the lines of which no page can be made even alone, each with a sentence."""
    unfit = {}
    for number, measured in found.items():
        try:
            _page(entry, {number: measured})
        except Exception as error:
            unfit[number] = (
                f"the page cannot show the rows of case {measured.case!r} ({failure_of(error)}); the line "
                "stays there, and once you delete it `hgb reproduce --resume` measures the case again"
            )
    return unfit


@contextmanager
def opened(folder: Path, name: str, quick: bool, command: Sequence[str]) -> Iterator["Running"]:
    """Open a folder, new or of an earlier run of the same reproduction, for measuring.

    Lines of an earlier run that cannot be read are set aside.

    Raises:
        UserError: for an unknown name, a folder that cannot be written or that another run uses, or one
            whose cases are not those of this version.
    """
    entry = reproduction_named(name)
    cases = list(entry.cases(quick))
    with exclusive(folder):
        try:
            if not (folder / ABOUT).exists():
                _write_about(folder, About(name=name, quick=quick, cases=cases, **_provenance(command)))
            planned = read_about(folder).cases
            _refuse_other_cases(folder, cases, planned)
            file = rows_of(folder)
            rejected = file.repair()
        except OSError as error:
            raise unwritable(folder, error) from error
        recorded = {measured.case for measured in file.read().entries.values()}
        if planned is None:
            _refuse_foreign_cases(folder, cases, recorded)
        yield Running(folder, entry, quick, recorded, rejected)


@dataclass(frozen=True)
class Running:
    """A reproduction whose folder is open.

    Attributes:
        folder: of rows and page.
        entry: the reproduction.
        quick: whether its small cases are measured.
        recorded: the names of the cases that are there already.
        rejected: the lines that were set aside when it was opened.
    """

    folder: Path
    entry: Reproduction
    quick: bool
    recorded: set[str] = field(default_factory=set)
    rejected: tuple[BadLine, ...] = ()

    @property
    def cases(self) -> list[str]:
        """All cases, recorded or not."""
        return list(self.entry.cases(self.quick))

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record every case that is not recorded yet.

        Raises:
            UserError: for a row whose status is not on the closed list; nothing of its case is recorded.
        """
        for case in self.cases:
            if case in self.recorded:
                continue
            progress.begin(case)
            rows = self.entry.measure(case, self.quick)
            _refuse_unknown_statuses(case, rows)
            measured = MeasuredCase(case=case, created=_now(), rows=rows)
            rows_of(self.folder).append(measured.to_line())
            progress.advance(1)


def _refuse_unknown_statuses(case: str, rows: Sequence[Row]) -> None:
    """Refuse rows whose status is no member of `Status`; rows that have none are left alone."""
    for number, row in enumerate(rows, start=1):
        try:
            status_named(row.get("status", Status.OK))
        except UserError as error:
            raise UserError(f"row {number} of case {case!r} cannot be recorded: {error}") from error


def _refuse_other_cases(folder: Path, cases: Sequence[str], planned: Sequence[str] | None) -> None:
    """Refuse to go on with other cases than those that the folder was made for."""
    if planned is None or list(planned) == list(cases):
        return
    changed = sorted(set(planned) ^ set(cases)) or ["their order"]
    raise UserError(
        f"{folder / ABOUT} was written for {len(planned)} cases, and what it asks for has {len(cases)} now "
        f"(other: {', '.join(changed[:5])}): it was changed, or is of another version; take a new folder"
    )


def _refuse_foreign_cases(folder: Path, cases: Sequence[str], recorded: set[str]) -> None:
    """Refuse to go on beside cases that are not among those asked for."""
    foreign = sorted(recorded - set(cases))
    if foreign:
        raise UserError(
            f"{folder / ROWS} holds {len(foreign)} cases that are not among the {len(cases)} that "
            f"{ABOUT} asks for, such as {foreign[0]!r}: it was changed, or is of another version; measure in "
            "a new folder"
        )


def _write_about(folder: Path, about: About) -> None:
    replace_durably(folder / ABOUT, (about.model_dump_json(indent=2) + "\n").encode())


def _provenance(command: Sequence[str]) -> dict[str, Any]:
    return {"command": list(command), "created": _now(), "environment": environment()}


def _finite(value: Any) -> Any:
    """Return the same value with null in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
