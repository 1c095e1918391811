"""Run a reproduction case by case into a journal from which a stopped one goes on."""

import datetime
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError

from . import reproductions
from .catalogue import kebab_case
from .durable import append_durably, replace_durably
from .environment import environment
from .errors import UserError, nearest, unwritable
from .journal import exclusive
from .page import Page, write_page
from .progress import RunProgress
from .reproduction import Reproduction, Row

ABOUT, ROWS = "reproduction.json", "rows.jsonl"


class About(BaseModel):
    """What `reproduction.json` holds: what was asked for, and where the rows come from."""

    name: str
    quick: bool
    command: list[str]
    created: str
    environment: dict[str, JsonValue]


class MeasuredCase(BaseModel):
    """One line of `rows.jsonl`."""

    case: str
    created: str
    rows: list[Row]


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
        return About.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{folder} is not the folder of a reproduction: cannot read {path} ({error.strerror})"
        ) from error
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {error.errors(include_url=False)[0]['msg']}") from error


def read_rows(folder: Path) -> list[MeasuredCase]:
    """Return the measured cases in the order of the file, without lines that a kill cut off."""
    try:
        lines = (folder / ROWS).read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(f"cannot read {folder / ROWS}: {error.strerror}") from error
    found: dict[str, MeasuredCase] = {}
    for line in lines:
        try:
            measured = MeasuredCase.model_validate_json(line)
        except ValidationError:
            continue
        if line.endswith(b"\n"):
            found[measured.case] = measured
    return list(found.values())


def page_of(folder: Path, write: bool = True) -> Page:
    """Make the page of a folder from its rows, and write it there, unless it is only to be looked at."""
    rows = [row for measured in read_rows(folder) for row in measured.rows]
    page = reproduction_named(read_about(folder).name).page(rows)
    if write:
        write_page(page, folder)
    return page


@contextmanager
def opened(folder: Path, name: str, quick: bool, command: Sequence[str]) -> Iterator["Running"]:
    """Open a folder, new or of an earlier run of the same reproduction, for measuring.

    Raises:
        UserError: for an unknown name, or a folder that cannot be written or that another run uses.
    """
    entry = reproduction_named(name)
    with exclusive(folder):
        try:
            if not (folder / ABOUT).exists():
                created = _now()
                about = About(
                    name=name, quick=quick, command=list(command), created=created, environment=environment()
                )
                replace_durably(folder / ABOUT, (about.model_dump_json(indent=2) + "\n").encode())
            (folder / ROWS).touch()
            measured = read_rows(folder)
            # Without what a kill left of its last line.
            replace_durably(folder / ROWS, b"".join(_line(one) for one in measured))
        except OSError as error:
            raise unwritable(folder, error) from error
        yield Running(folder, entry, quick, {one.case for one in measured})


@dataclass(frozen=True)
class Running:
    """A reproduction whose folder is open."""

    folder: Path
    entry: Reproduction
    quick: bool
    recorded: set[str] = field(default_factory=set)

    @property
    def cases(self) -> list[str]:
        """All cases, recorded or not."""
        return list(self.entry.cases(self.quick))

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record every case that is not recorded yet."""
        for case in self.cases:
            if case in self.recorded:
                continue
            progress.begin(case)
            rows = self.entry.measure(case, self.quick)
            measured = MeasuredCase(case=case, created=_now(), rows=rows)
            try:
                append_durably(self.folder / ROWS, _line(measured))
            except OSError as error:
                raise unwritable(self.folder / ROWS, error) from error
            progress.advance(1)


def _line(measured: MeasuredCase) -> bytes:
    return json.dumps(measured.model_dump(mode="json"), allow_nan=False).encode() + b"\n"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
