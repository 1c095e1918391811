"""`hgb list`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def list_entries(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: one JSON object.")] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose classes are listed too.")
    ] = None,
) -> None:
    """List all that can be run: tasks, regularisers, solvers, methods, suites, reproductions and their parts.

    Examples:
        hgb list

        hgb list --json
    """
    start_jax()
    from ..commands import list_entries as command

    command.list_entries(as_json, list(plugin or ()))
