"""Text tables as Markdown, escaped so that every cell shows what it holds."""

import re

from .text_table import TextTable


def escaped(text: str) -> str:
    """Escape what Markdown would read as its own: bars, brackets, stars, and what looks like a tag."""
    return re.sub(r"([\\|*_`<>\[\]])", r"\\\1", " ".join(text.split()))


def markdown_table(table: TextTable, level: int = 2) -> str:
    """Return heading, paragraph, table, notes and remarks as a section of a page.

    `level` is that of the heading: 1 for a page, 2 for a section. The paragraph
    may hold Markdown of its own; everything else is escaped.
    """
    notes = [f"{number}. {escaped(note)}" for number, note in enumerate(table.notes, start=1)]
    remarks = [f"- {escaped(remark)}" for remark in table.remarks]
    heading = f"{'#' * level} {escaped(table.heading)}"
    return joined([heading, table.text, pipes(table), "\n".join(notes), "\n".join(remarks)])


def pipes(table: TextTable) -> str:
    """Return the table alone, between bars."""
    rules = ["---" if words else "---:" for words in table.are_words()]
    head, *lines = ([escaped(cell) for cell in line] for line in (table.columns, *table.lines))
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rules, *lines))


def joined(parts: list[str]) -> str:
    """Join the parts that are not empty, with an empty line between them."""
    return "\n\n".join(part for part in parts if part)
