"""Write a document as one HTML file that asks the network for nothing."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ..errors import unwritable
from ..records.durable import replace_durably
from ..report.text_table import TextTable
from .blocks import Document, PlainTable

ASSETS = Path(__file__).resolve().parent / "assets"


def html_of(document: Document) -> str:
    """Return the page; whatever a record holds is text in it."""
    kinds = {block.kind for block in document.blocks}
    return _template("page.html").render(
        document=document,
        alone=False,
        style=_own("page.css"),
        scripts=[_own("records.js")] if "records" in kinds else [],
        chart_scripts=[Markup(get_plotlyjs()), _own("charts.js")] if "chart" in kinds else [],
    )


def table_html(table: TextTable) -> str:
    """Return a table as it stands in a page, without the page."""
    return _template("table.html").render(block=PlainTable(table), alone=True)


def write_html(document: Document, path: Path) -> None:
    """Write the page; the file is replaced whole.

    Raises:
        UserError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(path, html_of(document).encode())
    except OSError as error:
        raise unwritable(path, error) from error


def _template(name: str) -> Template:
    # Values are escaped; a table of data too, by `tojson`, so that no record can end its script.
    environment = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)


def _own(name: str) -> Markup:
    """Return a file of the package, which needs no escaping."""
    return Markup((ASSETS / name).read_text(encoding="utf-8"))
