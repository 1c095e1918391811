"""Tables as files: one Markdown page per problem, an index that explains the columns, one CSV of all."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import unwritable
from ..records.durable import replace_durably
from ..records.status import Status
from .answer import answer_table
from .columns import COLUMNS
from .comma_separated import comma_separated
from .frontier_page import frontier_csv, frontier_markdown
from .markdown import escaped, markdown_table
from .result_table import result_table
from .tables import VALUES, ProblemKey, Report, ResultRow, RowKey, Table


def write_tables(report: Report, folder: Path) -> list[Path]:
    """Write `tables/README.md`, `tables/results.csv` and one Markdown file per problem into a run's folder.

    A run that sweeps budgets also gets `tables/frontier.md` and `tables/frontier.csv`. Returns the paths, the
    index first. Files are replaced whole.

    Raises:
        UserError: if the folder cannot be written.
    """
    target = Path(folder) / "tables"
    page = frontier_markdown(report.records)
    further = {"frontier.md": page, "frontier.csv": frontier_csv(report.records)} if page else {}
    texts = _pages(report, further)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_durably(target / name, text.encode())
    except OSError as error:
        raise unwritable(target, error) from error
    return [target / name for name in texts]


def _pages(report: Report, further: Mapping[str, str]) -> dict[str, str]:
    """Return the text of every file by its name."""
    tables = report.tables
    names = _file_names([table.problem for table in tables])
    pages = {name: page_of_table(table) for name, table in zip(names, tables, strict=True)}
    index = _index(report, names, further)
    return {"README.md": index, "results.csv": csv_text(tables), **further, **pages}


def answer_section(report: Report, level: int) -> str:
    """Return which method is cheapest on each problem; `level` is that of the heading."""
    return markdown_table(answer_table(report.records), level) + "\n"


def page_of_table(table: Table) -> str:
    """Return a problem's page: title, table, and the notes that its marks refer to."""
    return markdown_table(result_table(table), level=1) + "\n"


def csv_text(tables: Iterable[Table]) -> str:
    """Return one CSV of all rows at full precision; `empty` says why a number is missing."""
    head = ("status", "seeds", *VALUES, "reference", "reason", "empty", "ids")
    rows = ([*table.problem, *row.key, *_fields(row)] for table in tables for row in table.rows)
    return comma_separated([*ProblemKey._fields, *RowKey._fields, *head], rows)


def _fields(row: ResultRow) -> list[object]:
    """Return what a row holds beside its identity."""
    missing = [column for column in COLUMNS if row.seeds and row.values[column.field] is None]
    empty = "; ".join(f"{column.field}: {row.cell(column).reason}" for column in missing)
    values = (row.values[name] for name in VALUES)
    return [row.status, row.seeds, *values, row.reference, row.reason, empty, " ".join(row.ids)]


def _index(report: Report, names: Sequence[str], further: Iterable[str]) -> str:
    """Return the page that links the tables and explains columns and statuses."""
    titles = [escaped(table.problem.title()) for table in report.tables]
    links = [f"- [{title}]({name})" for title, name in zip(titles, names, strict=True)]
    columns = [f"- **{column.heading}**: {column.meaning}" for column in COLUMNS]
    statuses = [f"- **{escaped(status)}**: {status.sentence}" for status in Status]
    return "\n".join(
        [
            "# Tables",
            "",
            *(f"**Warning.** {escaped(warning)}\n" for warning in report.warnings),
            answer_section(report, 2),
            "## All tables",
            "",
            *(f"- [{name}]({name}): time and memory to reach an accuracy" for name in further),
            *links,
            "",
            "All rows at full precision, with quartiles and all records' ids: [results.csv](results.csv).",
            "",
            "## Columns",
            "",
            "Medians over the rounds, then over the seeds whose status the row shows.",
            "",
            *columns,
            "- **record**: the id of the first seed's record, for `hgb rerun`; +1: there is one seed more",
            "",
            "## Statuses",
            "",
            *statuses,
            "",
        ]
    )


def _file_names(problems: Sequence[ProblemKey]) -> list[str]:
    """Return a readable file name for each problem, with a number where two would be the same."""
    names: list[str] = []
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    for problem in problems:
        shape = (problem.size, f"batch{problem.batch}", problem.dtype)
        words = "-".join((problem.task, problem.regularizer, problem.data, *shape))
        stem = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:120]
        name = f"{stem}.md"
        while name in taken:
            numbers[stem] += 1
            name = f"{stem}-{numbers[stem] + 1}.md"
        taken.add(name)
        names.append(name)
    return names
