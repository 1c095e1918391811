"""A record by its id, and the case that it was made of."""

from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..grid.case import Case
from ..grid.recorded_case import recorded_case
from ..grid.request import Request
from ..records.record import Record
from ..report.terminal import print_lines
from ..runs.recorded import readings, recorded_folders, where_recorded
from ..runs.run import requested
from ..runs.run_file import RECORDS, RunFile, run_folder


class FoundRecord(NamedTuple):
    """A record, where it stands, and its case as this version makes it.

    Attributes:
        record: as it was recorded.
        folder: of its run.
        about: the run's `run.json`.
        request: what the run asked for.
        case: of the record.
    """

    record: Record
    folder: Path
    about: RunFile
    request: Request
    case: Case


def found_record(record_id: str, run: Path | None) -> FoundRecord:
    """Return the newest record with an id, or the first digits of one.

    Raises:
        UserError: if no record has the id, several have, or this version's grid no longer holds its case.
    """
    folder, record = _find(record_id, run)
    about = run_folder(folder).about()
    request = requested(about.selection)
    case = recorded_case(record, request)
    if case is None:
        raise UserError(f"{folder} has a record {record.id} that this version's grid no longer holds")
    return FoundRecord(record, folder, about, request, case)


def _find(record_id: str, run: Path | None) -> tuple[Path, Record]:
    """Return the newest run that holds the record, and the record; name the lines that cannot be read."""
    read = readings([run] if run else recorded_folders())
    print_lines("left out", (line for reading in read.values() for line in reading.bad_lines))
    found = [
        (folder, record)
        for folder, reading in read.items()
        for record in reading.entries
        if record_id and record.id.startswith(record_id)
    ]
    if not found:
        where = run or where_recorded()
        raise UserError(f"no record with id {record_id!r} in {where}; ids are in a run's {RECORDS}")
    if len({record.id for _, record in found}) > 1:
        raise UserError(f"{record_id!r} begins the ids of several records; give more digits")
    return max(found, key=lambda pair: pair[1].created)
