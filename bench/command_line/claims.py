"""`hgb claims`: its options."""

from typing import Annotated

import typer

from .start_jax import start_jax


def claims(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with rules and settings.")] = False,
) -> None:
    """Say which claims of the papers hold, from recorded reproductions; nothing is measured.

    Of every reproduction the newest whole recording counts, of results/ and of what comes with the package;
    `hgb reproduce` makes one on this machine.

    Example:
        hgb claims --json
    """
    start_jax()
    from ..commands.claims import print_claims

    print_claims(as_json)
