"""`hgb list`: what can be run."""

import inspect
import json
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..catalogue.catalogue import Catalogue, built_in
from ..catalogue.kind import KINDS
from ..catalogue.plugin import with_plugins
from ..grid.suites import SUITES
from ..runs.reproduce import built_in_reproductions
from ..training.upper_levels.asked_level import UPPER_LEVELS


def list_entries(as_json: bool, plugins: list[Path]) -> None:
    """Print what can be run."""
    entries = _entries(with_plugins(built_in(), plugins))
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    console = Console(highlight=False)
    for kind, rows in entries.items():
        table = Table(
            title=kind.replace("_", " "), title_justify="left", box=box.SIMPLE_HEAD, show_header=False
        )
        table.add_column(no_wrap=True, style="bold")
        table.add_column()
        for row in rows:
            table.add_row(row["name"], Text(row["summary"]))
        console.print(table)


def _entries(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    listed = {kind: [_entry(name, one) for name, one in getattr(catalogue, kind).items()] for kind in KINDS}
    upper_levels = [_entry(name, one) for name, one in UPPER_LEVELS.items()]
    suites = [{"name": suite.name, "settings": "", "summary": suite.sentence} for suite in SUITES.values()]
    reproductions = [_entry(name, one) for name, one in built_in_reproductions().items()]
    return {**listed, "upper_levels": upper_levels, "suites": suites, "reproductions": reproductions}


def _entry(name: str, entry: Any) -> dict[str, Any]:
    cls = entry if inspect.isclass(entry) else type(entry)
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    return {"name": name, "settings": "" if inspect.isclass(entry) else repr(entry), "summary": summary}
