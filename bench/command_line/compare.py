"""`hgb compare`: its options."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    before: Annotated[Path, typer.Argument(help="The folder of a run.")],
    after: Annotated[Path, typer.Argument(help="The folder of another run of the same cases.")],
    fail_above: Annotated[
        float | None,
        typer.Option(
            min=1.15,
            max=1e6,
            help="End with status 1 if a method takes more than so many times as long as before beside the "
            "others, or a case is worse.",
        ),
    ] = None,
) -> None:
    """Say which methods became slower or faster from one run to another, and what else changed.

    Only what a test tells from noise counts as a change; the test is stated above its table. Times of two
    machines are compared too, with a warning for everything that differs.

    Examples:
        hgb compare results/local/before results/local/after

        hgb compare results/local/before results/local/after --fail-above 1.3
    """
    from ..commands.compare import compare_runs

    compare_runs(before, after, fail_above)
