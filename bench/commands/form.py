"""The forms in which results are shown and written."""

from enum import StrEnum


class Form(StrEnum):
    """How tables are printed; `md` is short for `markdown`."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    MD = "md"
    CSV = "csv"
    LATEX = "latex"


class ExportForm(StrEnum):
    """What a run is exported as."""

    PARQUET = "parquet"
    BENCHOPT = "benchopt"


class FigureForm(StrEnum):
    """How figures are written."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


class Width(StrEnum):
    """How wide figures are: as their panels ask for, or as a paper's column or page."""

    SCREEN = "screen"
    COLUMN = "column"
    PAGE = "page"

    @property
    def inches(self) -> float | None:
        """The width in inches, of journals with two columns; None where the panels decide."""
        return {Width.COLUMN: 3.4, Width.PAGE: 7.0}.get(self)
