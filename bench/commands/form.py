"""How `hgb table` prints."""

from enum import StrEnum


class Form(StrEnum):
    """How tables are printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"
