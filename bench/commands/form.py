"""How tables are printed."""

from enum import StrEnum


class Form(StrEnum):
    """How tables are printed; `md` is short for `markdown`."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    MD = "md"
    CSV = "csv"
    LATEX = "latex"
