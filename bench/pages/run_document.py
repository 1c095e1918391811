"""The page of one or more runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from ..records.record import Record
from ..report.answer import answer_table
from ..report.page import Page
from ..report.tables import make_tables
from ..report.text_table import TextTable
from .blocks import Block, Document, PlainTable, Words
from .charts import error_charts, profile_chart
from .pictures import drawing_of, restored_pictures
from .record_table import record_table

ENVIRONMENT = "Where it was measured"


@dataclass(frozen=True)
class ShownRun:
    """A run, as its page shows it.

    Attributes:
        name: of its folder, without its path.
        records: in the order in which they were made.
        warnings: sentences about all of them.
        environment: of its `run.json`.
        command: that began it.
        folder: of it, as one would type it.
    """

    name: str
    records: tuple[Record, ...]
    warnings: tuple[str, ...]
    environment: Mapping[str, JsonValue]
    command: Sequence[str]
    folder: Path


def run_document(runs: Sequence[ShownRun], claims: TextTable | None = None) -> Document:
    """Return the page of some runs: an answer for each, then everything that leads to it.

    Answers and charts are made run by run: machines are never mixed. Claims of papers, if any, follow the
    records.
    """
    blocks: list[Block] = []
    for run in runs:
        about = f" ({run.name})" if len(runs) > 1 else ""
        blocks += [Words(warning, f"Warning{about}", warning=True) for warning in run.warnings]
    for number, run in enumerate(runs):
        blocks += _of_run(run, number, len(runs) > 1)
    folders = {run.name: str(run.folder) for run in runs}
    blocks.append(record_table({run.name: run.records for run in runs}, folders))
    blocks += [] if claims is None else [PlainTable(claims)]
    blocks.append(PlainTable(environment_table({run.name: run.environment for run in runs})))
    blocks += [Words(f"{run.name}: {' '.join(run.command)}", "Command") for run in runs]
    return Document(", ".join(run.name for run in runs), blocks)


def page_document(page: Page, further: Sequence[Block] = ()) -> Document:
    """Return the page of a reproduction or a training: the verdict first."""
    blocks: list[Block] = [Words(warning, "Warning", warning=True) for warning in page.warnings]
    blocks += [Words(page.question), Words(page.verdict, "Verdict"), Words(page.rule, "Rule")]
    blocks += [drawing_of(name, f"{name}: {page.title}", figure) for name, figure in page.figures.items()]
    blocks += map(PlainTable, page.sections)
    return Document(page.title, [*blocks, *further])


def environment_table(environments: Mapping[str, Mapping[str, JsonValue]]) -> TextTable:
    """Return one line per fact and one column per run."""
    facts = dict.fromkeys(name for one in environments.values() for name in one)
    lines = [[name, *(_fact(one.get(name)) for one in environments.values())] for name in facts]
    names = list(environments)
    return TextTable(ENVIRONMENT, "", ["", *names], lines, words=names)


def _of_run(run: ShownRun, number: int, several: bool) -> list[Block]:
    tables = make_tables(run.records)
    about = f": {run.name}" if several else ""
    table = answer_table(run.records)
    answer = replace(table, heading=table.heading + about)
    charts = [*error_charts(tables, number), *filter(None, [profile_chart(run.records)])]
    named = [replace(one, name=f"{one.name}-{number}", heading=one.heading + about) for one in charts]
    return [PlainTable(answer), *named, *restored_pictures(run.records, run.folder / "arrays")]


def _fact(value: JsonValue) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_fact(one)}" for name, one in value.items())
    return "" if value is None else str(value)
