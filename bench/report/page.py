"""A page of results: text, tables, a verdict and figures, as Markdown and PNG files."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from ..errors import unwritable
from ..records.durable import replace_durably
from .markup import pipes


@dataclass(frozen=True)
class Section:
    """A table under a heading, with a paragraph above it; all cells are text, the first column is a label."""

    heading: str
    text: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Page:
    """What a reproduction shows.

    Attributes:
        title: one line.
        question: a paragraph: what is compared, how it was measured.
        rule: a paragraph, written above the tables: by which rule the verdict is formed.
        sections: the tables.
        verdict: what the rule says of these rows.
        figures: by file name, without its suffix.
    """

    title: str
    question: str
    rule: str
    sections: Sequence[Section]
    verdict: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


def write_page(page: Page, folder: Path) -> list[Path]:
    """Write `README.md` and `figures/*.png` into a folder and return their paths.

    Raises:
        UserError: if the folder cannot be written.
    """
    paths = [folder / "README.md"]
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        replace_durably(paths[0], page_markdown(page).encode())
        for name, figure in page.figures.items():
            paths.append(folder / "figures" / f"{name}.png")
            # The same rows, the same bytes.
            figure.savefig(paths[-1], dpi=150, metadata={"Software": None})
    except OSError as error:
        raise unwritable(folder, error) from error
    return paths


def page_markdown(page: Page) -> str:
    """Return the page as Markdown: question, rule, tables, verdict, figures."""
    parts = [f"# {page.title}", page.question, f"**Rule.** {page.rule}", f"**Verdict.** {page.verdict}"]
    for section in page.sections:
        parts += [f"## {section.heading}", section.text, pipes(section.columns, section.lines, labels=1)]
    parts += [f"![{name}](figures/{name}.png)" for name in page.figures]
    return "\n\n".join(part for part in parts if part) + "\n"


def page_csv(page: Page) -> str:
    """Return the page's tables as one CSV, a line a cell: its heading, row, column and text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    for section in page.sections:
        for line in section.lines:
            cells = zip(section.columns[1:], line[1:], strict=True)
            writer.writerows([section.heading, line[0], column, cell] for column, cell in cells)
    return buffer.getvalue()


def render_page(page: Page) -> RenderableType:
    """Return the page for the terminal, in the same order."""
    parts: list[RenderableType] = [Text(page.title, style="bold"), Text(page.question), Text()]
    parts += [Text(f"Rule: {page.rule}"), Text()]
    for section in page.sections:
        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for number, column in enumerate(section.columns):
            table.add_column(column, justify="right" if number else "left")
        for line in section.lines:
            table.add_row(*map(Text, line))
        parts += [Text(section.heading, style="bold"), Text(section.text), table]
    return Group(*parts, Text(f"Verdict: {page.verdict}", style="bold"))


def print_page(page: Page, piped_width: int) -> None:
    """Print the page on standard output, as wide as the terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=piped_width)
    console.print(render_page(page))
