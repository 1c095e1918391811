"""`hgb check`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def check(
    path: Annotated[Path, typer.Argument(help="A Python file that defines solvers, methods, ...")],
    first: Annotated[
        bool, typer.Option("--first", help="Only the first verdict: each thing on the first problem it fits.")
    ] = False,
) -> None:
    """Check everything that a plug-in defines, as the tests check what is built in.

    Its solvers run on small problems with known solutions; its methods on each of them against reference
    hypergradients, and with every solver that they support on one; its tasks and regularisers against dense
    matrices and automatic derivatives. The exit status is 2 if anything fails.

    What finds most comes first, on the smallest problem, and its verdict is printed before all else runs.

    Examples:
        hgb check my_method.py

        hgb check my_method.py --first
    """
    start_jax()
    from ..commands import check as command

    command.check(path, first)
