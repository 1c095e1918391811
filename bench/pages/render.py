"""Write a document as one HTML file that asks the network for nothing."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ..errors import unwritable
from ..records.durable import replace_durably
from .blocks import Document

ASSETS = Path(__file__).resolve().parent / "assets"


def html_of(document: Document) -> str:
    """Return the page; whatever a record holds is text in it."""
    # Values are escaped; a table of data too, by `tojson`, so that no record can end its script.
    environment = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    kinds = {block.kind for block in document.blocks}
    return environment.get_template("page.html").render(
        document=document,
        style=_own("page.css"),
        scripts=[_own("records.js")] if "records" in kinds else [],
        chart_scripts=[Markup(get_plotlyjs()), _own("charts.js")] if "chart" in kinds else [],
    )


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


def _own(name: str) -> Markup:
    """Return a file of the package, which needs no escaping."""
    return Markup((ASSETS / name).read_text(encoding="utf-8"))
