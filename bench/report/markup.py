"""Markdown that renders as it is meant: escaped cells, and tables of them."""

import re
from collections.abc import Sequence


def escaped(text: str) -> str:
    """Keep what Markdown would read as its own: bars, brackets, stars, and what looks like a tag."""
    return re.sub(r"([\\|*_`<>\[\]])", r"\\\1", " ".join(text.split()))


def pipes(columns: Sequence[str], lines: Sequence[Sequence[str]], labels: int = 2) -> str:
    """Return a GitHub table; the first `labels` columns are text, the others numbers."""
    rules = ["---"] * labels + ["---:"] * (len(columns) - labels)
    cells = [[escaped(cell) for cell in row] for row in (columns, *lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [cells[0], rules, *cells[1:]])
