"""Where runs are recorded: in `results/` of the working folder, and in what comes with the package."""

from collections.abc import Iterable
from pathlib import Path

from ..records.journal import JOURNAL, Journal, Reading

RESULTS = Path("results")
SHIPPED = Path(__file__).resolve().parents[2] / "results"
"""The recorded reference runs: in a checkout and in an installed package alike."""


def recorded_folders() -> list[Path]:
    """Return the folders of all recorded runs, each once, those of the working folder first."""
    found: dict[Path, Path] = {}
    for root in (RESULTS, SHIPPED):
        for path in sorted(root.rglob(JOURNAL)):
            found.setdefault(path.parent.resolve(), path.parent)
    return list(found.values())


def readings(folders: Iterable[Path]) -> dict[Path, Reading]:
    """Read the journals of some folders; raise `UserError` for one that cannot be read."""
    return {folder: Journal(folder).read() for folder in folders}
