"""`hgb check`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def check(
    path: Annotated[Path, typer.Argument(help="A Python file that defines solvers, methods, ...")],
) -> None:
    """Check everything that a plug-in defines, as the tests check what is built in.

    Its solvers run on small problems with known solutions; its methods on each of them against reference
    hypergradients, and with every solver that they support on one; its tasks and regularisers against dense
    matrices and automatic derivatives. The exit status is 2 if anything fails.

    Example:
        hgb check my_method.py
    """
    start_jax()
    from ..commands import check as command

    command.check(path)
