"""Completion of names in the shell."""

from collections.abc import Callable

from ..catalogue.built_in_names import built_in_names
from ..catalogue.paper_claims import ALL, PAPERS
from ..grid.suites import SUITES


def complete(kind: str) -> Callable[[str], list[str]]:
    """Return what typer asks for the names of a kind, or of the suites, that begin as what is typed.

    Those of reproductions include the papers, whose reproductions run one after the other.
    """

    def starting(incomplete: str) -> list[str]:
        names = list(SUITES) if kind == "suites" else built_in_names(kind)
        if kind == "reproductions":
            names = [*(paper.name for paper in PAPERS), ALL, *names]
        return [name for name in names if name.startswith(incomplete)]

    return starting
