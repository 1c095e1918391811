"""`hgb advise`: which method to use for a problem like mine."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import jax
import typer
from rich.text import Text

from ..errors import UserError, nearest
from ..grid.catalogue import Catalogue, built_in
from ..grid.suites import TOLERANCES
from ..grid.workloads import shape_of
from ..machine.device import use_device
from ..records.record import Record
from ..report.advice import Question, advise, recorded_problems, without_settings
from ..report.advice_table import advice_table
from ..report.terminal import print_lines, standard_output, terminal_table
from ..runs.recorded import RESULTS, SHIPPED, readings, recorded_folders

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def advise_command(
    size: Annotated[str, typer.Option(help="Shape of one signal or image: 64 or 256x256.")],
    params: Annotated[int, typer.Option(min=1, help="How many numbers you differentiate by.")],
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    memory: Annotated[str | None, typer.Option(help="The limit, such as 2GiB or 500MB.")] = None,
    accuracy: Annotated[float, typer.Option(help="Largest relative error of the hypergradient.")] = 1e-4,
    batch: Annotated[int, typer.Option(min=1, help="Signals or images at once.")] = 1,
    task: Annotated[str | None, typer.Option(help="A task by name; see `hgb list`.")] = None,
    regularizer: Annotated[str | None, typer.Option(help="A regulariser by name; see `hgb list`.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A run's folder; can be repeated. Else all of results/, and the package's recorded runs.",
        ),
    ] = None,
) -> None:
    """Say which method to use for a problem like mine, from recorded results; nothing is measured.

    Of every task and regulariser the nearest recorded problem is shown, how far it is from yours, and the
    methods that reach the accuracy there, the fastest first. Seconds and memory are those of the recorded
    problem: nothing is extrapolated.

    Example:
        hgb advise --size 256x256 --params 80 --memory 2GiB --accuracy 1e-4 --task deconvolution
    """
    catalogue = built_in()
    question = _question(catalogue, size, params, dtype, memory, accuracy, batch, task, regularizer)
    use_device("cpu")
    folders = list(source) if source else recorded_folders()
    if not folders:
        raise UserError(
            f"no recorded run in {RESULTS}/ and {SHIPPED}; make one with `hgb run`, or name one with --from"
        )
    read = readings(folders)
    print_lines("left out", (line for reading in read.values() for line in reading.bad_lines))
    records = {folder: reading.entries for folder, reading in read.items()}
    advices = advise(question, recorded_problems(records, _parameters_of(catalogue)))
    console = standard_output()
    console.print(Text(_asked(question)), "", sep="\n")
    for advice in advices:
        console.print(terminal_table(advice_table(question, advice)))


def _question(
    catalogue: Catalogue,
    size: str,
    params: int,
    dtype: str,
    memory: str | None,
    accuracy: float,
    batch: int,
    task: str | None,
    regularizer: str | None,
) -> Question:
    """Check what was given; raise `UserError` with what is accepted."""
    if dtype not in TOLERANCES:
        raise UserError(nearest(dtype, TOLERANCES, kind="dtype"))
    if not 0 < accuracy < 1:
        raise UserError(f"accuracy is {accuracy:g}; a relative error between 0 and 1 is accepted")
    return Question(
        shape_of(size),
        params,
        dtype,
        accuracy,
        None if memory is None else bytes_of(memory),
        batch,
        None if task is None else catalogue.entries("tasks", [task])[0].name,
        None if regularizer is None else catalogue.entries("regularizers", [regularizer])[0].name,
    )


def bytes_of(text: str) -> float:
    """Read an amount of memory such as 2GiB, 500 MB or 1.5e9.

    Raises:
        UserError: for another text.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?(?:e\d+)?)\s*([kmgt]?i?b)?", text.strip(), re.IGNORECASE)
    unit = (match[2] or "B").upper() if match else ""
    if match is None or unit not in _UNITS or float(match[1]) == 0:
        raise UserError(
            f"memory is {text!r}; a number with B, KiB, MiB, GiB, KB, MB or GB such as 2GiB is accepted"
        )
    return float(match[1]) * _UNITS[unit]


def _parameters_of(catalogue: Catalogue) -> Callable[[Record], int | None]:
    """Return what counts a record's parameters; older records do not tell them, but their start does."""

    def parameters_of(record: Record) -> int | None:
        regularizer = catalogue.regularizers.get(without_settings(record.regularizer))
        if record.parameters is not None or regularizer is None:
            return record.parameters
        try:
            start = regularizer.initial(shape_of(record.size), 0)
        except ValueError:
            return None
        return sum(leaf.size for leaf in jax.tree.leaves(start))

    return parameters_of


def _asked(question: Question) -> str:
    size = "x".join(map(str, question.shape))
    limit = "" if question.memory is None else f", memory at most {question.memory / 2**20:.6g} MiB"
    return (
        f"{size}, {question.parameters} parameters, {question.dtype}, batch {question.batch}: error at most "
        f"{question.accuracy:g}{limit}"
    )
