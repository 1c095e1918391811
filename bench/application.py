"""The commands of `hgb`, as one application."""

import typer

from .commands.advise import advise_command
from .commands.check import check
from .commands.list_entries import list_entries
from .commands.reproduce import reproduce
from .commands.rerun import rerun
from .commands.run import run
from .commands.table import table
from .commands.train_denoiser import train_denoiser

app = typer.Typer(
    name="hgb",
    help="Compare hypergradients of imaging inverse problems: accuracy, time and memory.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(name="run")(run)
app.command(name="list")(list_entries)
app.command(name="table")(table)
app.command(name="reproduce")(reproduce)
app.command(name="rerun")(rerun)
app.command(name="check")(check)
app.command(name="advise")(advise_command)
app.command(name="train-denoiser")(train_denoiser)
