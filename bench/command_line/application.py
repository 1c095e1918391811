"""The commands of `hgb`, as one application."""

from importlib.metadata import version
from typing import Annotated

import typer

from .advise import advise
from .check import check
from .claims import claims
from .compare import compare
from .compare_training import compare_training
from .evaluate import evaluate
from .export import export
from .list_entries import list_entries
from .merge import merge
from .reconstruct import reconstruct
from .report import report
from .reproduce import reproduce
from .rerun import rerun
from .run import run
from .show import show
from .table import table
from .train import train
from .train_denoiser import train_denoiser

app = typer.Typer(
    name="hgb",
    help="Compare hypergradients of imaging inverse problems: accuracy, time and memory.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(name="run")(run)
app.command(name="list")(list_entries)
app.command(name="table")(table)
app.command(name="report")(report)
app.command(name="reproduce")(reproduce)
app.command(name="claims")(claims)
app.command(name="compare")(compare)
app.command(name="merge")(merge)
app.command(name="export")(export)
app.command(name="show")(show)
app.command(name="rerun")(rerun)
app.command(name="check")(check)
app.command(name="advise")(advise)
app.command(name="train")(train)
app.command(name="compare-training")(compare_training)
app.command(name="train-denoiser")(train_denoiser)
app.command(name="reconstruct")(reconstruct)
app.command(name="evaluate")(evaluate)


def _print_version(asked: bool) -> bool:
    if asked:
        typer.echo(version("hypergrad-bench"))
        raise typer.Exit
    return asked


@app.callback()
def _hgb(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
