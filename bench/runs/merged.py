"""Several runs as one: what they asked for together, and their records in one journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UserError, unwritable
from ..grid.selection import Selection
from ..records.durable import refuse_special, replace_durably
from ..records.line_file import BadLine
from ..records.record import Record
from .run import Plan, plan_run
from .run_file import RunFile, run_folder

_NAMES = ("tasks", "regularizers", "solvers", "methods", "dtypes", "sizes")
"""Options that narrow a suite: none means all."""


@dataclass(frozen=True)
class Part:
    """A run that becomes part of another one.

    Attributes:
        folder: of it.
        about: its `run.json`.
        records: what it measured.
        bad_lines: of its journal, with the reasons.
    """

    folder: Path
    about: RunFile
    records: tuple[Record, ...]
    bad_lines: tuple[BadLine, ...]


def read_part(folder: Path) -> Part:
    """Read a run; raise `UserError` if the folder is none, or is damaged."""
    files = run_folder(folder)
    about, reading = files.about(), files.journal.read()
    return Part(folder, about, reading.entries, reading.bad_lines)


def merge_runs(parts: Sequence[Part], out: Path, newest: bool, command: Sequence[str]) -> Plan:
    """Write a run that holds the records of several, with their arrays, and return what it asks for.

    It asks for whatever any part asked for, which can be more than all parts measured, and goes on as other
    runs do.

    Args:
        parts: runs of one suite, measured with one version in one environment.
        out: a new or an empty folder.
        newest: take the newest record of a case that several parts measured; refuse such a case otherwise.
        command: what was typed.

    Raises:
        UserError: if parts differ in what their records share or in what they asked for, if this version's
            grid no longer holds their cases, if a case was measured twice, or if the folder cannot be
            written.
    """
    _refuse_other_environments(parts)
    plan = plan_run(_selection_of_all(parts), out)
    records = _records_of_all(parts, newest)
    for part in parts:
        foreign = {record.id for record in part.records} - plan.ids
        if foreign:
            raise UserError(
                f"{part.folder} holds {len(foreign)} records that this version's grid no longer has, such "
                f"as {min(foreign)}; the version that measured them can merge them"
            )
    about = parts[0].about.model_copy(
        update={
            "selection": plan.selection,
            "cases": plan.cases,
            "grid": plan.grid,
            "command": list(command),
            "clock_tests": [test for part in parts for test in part.about.clock_tests],
        }
    )
    with run_folder(out).opened(lambda: about) as opened:
        # Arrays first: a record says that its case is done.
        held = [(part.folder, {record.id: record for record in part.records}) for part in parts]
        for name, record in records.items():
            _copy_arrays([folder for folder, its in held if its.get(name) == record], out, name)
        opened.writer.append_all(list(records.values()))
    return plan


def _refuse_other_environments(parts: Sequence[Part]) -> None:
    """Tables compare the times of a run's records: those of two machines do not belong into one.

    Each record says where it was made: a part that went on elsewhere holds those of two machines itself.
    """
    first = parts[0]
    made = next((record.environment for part in parts for record in part.records), {})
    for part in parts:
        different = _difference(first.about.environment, part.about.environment)
        others = (record.environment for record in part.records if record.environment != made)
        different = different or _difference(made, next(others, made))
        if first.about.timing != part.about.timing:
            ways = (one.timing.sentence() if one.timing else "not noted" for one in (first.about, part.about))
            different.append("timing ({}; {})".format(*ways))
        if different:
            raise UserError(
                f"{first.folder} and {part.folder} were not measured alike, and one table would compare "
                f"their times: they differ in {', '.join(different)}. `hgb report` shows them side by "
                "side, and `hgb compare` compares them"
            )


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return [f"{name} ({one.get(name)}; {other.get(name)})" for name in names]


def _selection_of_all(parts: Sequence[Part]) -> Selection:
    """Return what asks for every case of every part: all names, the most seeds, and else what they share."""
    selections = [part.about.selection for part in parts]
    given: dict[str, Any] = {}
    for name in Selection.model_fields:
        values = [getattr(one, name) for one in selections]
        if name in _NAMES:
            given[name] = () if () in values else tuple(dict.fromkeys(sum(values, ())))
        elif name == "plugins":
            given[name] = tuple(dict.fromkeys(sum(values, ())))
        elif name == "seeds" and None not in values:
            given[name] = max(values)
        elif name == "save_arrays":
            given[name] = any(values)
        elif any(value != values[0] for value in values):
            asked = ", ".join(f"{part.folder}: {value}" for part, value in zip(parts, values, strict=True))
            raise UserError(f"runs of one suite and one `{name}` can be one run; got {asked}")
        else:
            given[name] = values[0]
    try:
        return Selection(**given)
    except ValidationError as error:
        raise UserError(f"what the runs asked for cannot be asked for together: {error}") from error


def _records_of_all(parts: Sequence[Part], newest: bool) -> dict[str, Record]:
    """Return the record of each case, in the order of the parts."""
    found: dict[str, Record] = {}
    places: dict[str, Path] = {}
    for part in parts:
        for record in part.records:
            before = found.setdefault(record.id, record)
            place = places.setdefault(record.id, part.folder)
            if before != record and not newest:
                raise UserError(
                    f"record {record.id} was measured in {place} and in {part.folder}; --newest takes the "
                    "newer one"
                )
            if record.created > before.created:
                found[record.id] = record
    return found


def _copy_arrays(sources: Sequence[Path], out: Path, name: str) -> None:
    """Copy the arrays of a record from the first folder that has them, if any has."""
    saved = [path for folder in sources if (path := folder / "arrays" / f"{name}.npz").exists()]
    if not saved:
        return
    path, target = saved[0], out / "arrays" / f"{name}.npz"
    try:
        target.parent.mkdir(exist_ok=True)
        refuse_special(path)
        replace_durably(target, path.read_bytes())
    except OSError as error:
        raise unwritable(target, error) from error
