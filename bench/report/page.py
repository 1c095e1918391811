"""A page of results: text, tables, a verdict and figures, as Markdown and PNG files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Group, RenderableType
from rich.text import Text

from ..errors import unwritable
from ..records.durable import replace_durably
from .markdown import joined, markdown_table
from .panels import save_figure
from .terminal import standard_output, terminal_table
from .text_table import TextTable


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
        warnings: sentences about all rows, such as that the clock failed its self-test.
    """

    title: str
    question: str
    rule: str
    sections: Sequence[TextTable]
    verdict: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def write_page(page: Page, folder: Path) -> list[Path]:
    """Write `README.md` and `figures/*.png` into a folder and return their paths.

    Raises:
        UserError: if the folder cannot be written.
    """
    paths = [folder / "README.md"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_durably(paths[0], page_markdown(page).encode())
    except OSError as error:
        raise unwritable(folder, error) from error
    return paths + write_page_figures(page, folder)


def write_page_figures(page: Page, folder: Path, suffix: str = "png") -> list[Path]:
    """Write the figures of a page into `figures/` of a folder, as "png", "svg" or "pdf"; return their paths.

    Raises:
        UserError: if the folder cannot be written.
    """
    files = {folder / _figure_file(name, suffix): figure for name, figure in page.figures.items()}
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for path, figure in files.items():
            save_figure(figure, path)
    except OSError as error:
        raise unwritable(folder, error) from error
    return list(files)


def page_markdown(page: Page) -> str:
    """Return the page as Markdown: question, rule, verdict, warnings, tables, figures."""
    parts = [f"# {page.title}", page.question, f"**Rule.** {page.rule}", f"**Verdict.** {page.verdict}"]
    parts += [f"**Warning.** {warning}" for warning in page.warnings]
    parts += map(markdown_table, page.sections)
    parts += [f"![{name}]({_figure_file(name, 'png')})" for name in page.figures]
    return joined(parts) + "\n"


def _figure_file(name: str, suffix: str) -> str:
    """Return where a figure lies in its page's folder; a name can come of rows, which may be anybody's."""
    return f"figures/{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.{suffix}"


def render_page(page: Page) -> RenderableType:
    """Return the page for the terminal: question, rule, tables, verdict, warnings."""
    parts: list[RenderableType] = [Text(page.title, style="bold"), Text(page.question), Text()]
    parts += [Text(f"Rule: {page.rule}"), Text(), *map(terminal_table, page.sections)]
    warnings = [Text(f"Warning: {warning}", style="bold red") for warning in page.warnings]
    return Group(*parts, Text(f"Verdict: {page.verdict}", style="bold"), *warnings)


def print_page(page: Page) -> None:
    """Print the page on standard output, as wide as the terminal."""
    standard_output().print(render_page(page))
