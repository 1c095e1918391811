"""Where runs are recorded: in `results/` of the working folder, and in what comes with the package."""

from collections.abc import Iterable
from pathlib import Path

from ..records.line_file import Lines
from ..records.record import Record
from .reproduction_file import REPRODUCTION_FILE
from .run_file import RECORDS, run_folder

RESULTS = Path("results")
SHIPPED = Path(__file__).resolve().parents[2] / "results"
"""The recorded reference runs: in a checkout and in an installed package alike."""


def where_recorded() -> str:
    """Say where runs are looked for: in a checkout both folders are one."""
    return f"{RESULTS}/" if RESULTS.resolve() == SHIPPED else f"{RESULTS}/ and {SHIPPED}"


def recorded_folders() -> list[Path]:
    """Return the folders of all recorded runs, each once, those of the working folder first."""
    return _folders_with(RECORDS)


def recorded_reproductions() -> list[Path]:
    """Return the folders of all recorded reproductions, each once, those of the working folder first."""
    return _folders_with(REPRODUCTION_FILE)


def _folders_with(file: str) -> list[Path]:
    folders: dict[Path, Path] = {}
    for root in (RESULTS, SHIPPED):
        for path in sorted(root.rglob(file)):
            folders.setdefault(path.parent.resolve(), path.parent)
    return list(folders.values())


def readings(folders: Iterable[Path]) -> dict[Path, Lines[Record]]:
    """Read the journals of some folders; raise `UserError` for one that cannot be read."""
    return {folder: run_folder(folder).journal.read() for folder in folders}
