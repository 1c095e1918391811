"""Recorded runs in a notebook: records as a table of pandas, and the answer as it stands in pages."""

import importlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from .errors import UserError
from .pages.render import table_html
from .records.record import Record
from .report.answer import answer_table
from .report.text_table import TextTable
from .runs.run_file import run_folder


@dataclass(frozen=True)
class LoadedRun:
    """A run's records; a notebook shows its answer.

    Figures are functions of records: `report.figures.error_against_time(run.records)` and others.

    Attributes:
        records: in the order in which they were made.
        warnings: sentences about all of them.
        left_out: lines of the journal that cannot be read, each with the reason.
    """

    records: tuple[Record, ...]
    warnings: tuple[str, ...]
    left_out: tuple[str, ...]

    def frame(self) -> Any:
        """Return a `pandas.DataFrame`, one row per record; what was not measured is missing.

        Raises:
            UserError: if pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise UserError("pandas is not installed: pip install 'hypergrad-bench[notebook]'") from error
        fields = [name for name in Record.model_fields if name not in ("environment", "command")]
        rows: list[dict[str, Any]] = [
            {name: getattr(record, name) for name in fields} | {"status": record.status.value}
            for record in self.records
        ]
        return pandas.DataFrame(rows, columns=fields)

    def answer(self) -> TextTable:
        """Return which method is cheapest on each problem."""
        return answer_table(self.records)

    def _repr_html_(self) -> str:
        said = [f"<p><strong>Warning.</strong> {escape(one)}</p>" for one in self.warnings]
        if self.left_out:
            said.append(f"<p><strong>Warning.</strong> {len(self.left_out)} lines cannot be read.</p>")
        return "".join([*said, table_html(self.answer())])


def load_run(folder: str | Path) -> LoadedRun:
    """Read the records of a run's folder.

    Example:
        run = load_run("results/default-cpu")
        run.frame().groupby("method").total_seconds.median()

    Raises:
        UserError: if there is no run, or its journal cannot be opened.
    """
    files = run_folder(Path(folder))
    files.about()
    read = files.journal.read()
    return LoadedRun(tuple(read.entries), tuple(files.clock_warnings()), tuple(map(str, read.bad_lines)))
