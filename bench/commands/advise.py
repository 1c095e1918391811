"""`hgb advise`: which method to use for a problem like mine."""

import re
from collections.abc import Callable
from pathlib import Path

import jax
from rich.text import Text

from ..catalogue.catalogue import Catalogue, built_in
from ..errors import UserError, nearest
from ..grid.suites import TOLERANCES
from ..grid.workloads import shape_of
from ..machine.device import use_device
from ..records.record import Record
from ..report.advice import Question, advise, recorded_problems, without_settings
from ..report.advice_table import advice_table
from ..report.terminal import print_lines, standard_output, terminal_table
from ..runs.recorded import readings, recorded_folders, where_recorded

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def print_advice(question: Question, sources: list[Path]) -> None:
    """Say which method to use, from the runs in some folders; from all recorded ones if none is named.

    Raises:
        UserError: if there is no run, or none has a problem of the kind that is asked for.
    """
    use_device("cpu")
    folders = sources or recorded_folders()
    if not folders:
        raise UserError(
            f"no recorded run in {where_recorded()}; make one with `hgb run`, or name one with --from"
        )
    read = readings(folders)
    print_lines("left out", (line for reading in read.values() for line in reading.bad_lines))
    records = {folder: reading.entries for folder, reading in read.items()}
    advices = advise(question, recorded_problems(records, _parameters_of(built_in())))
    console = standard_output()
    console.print(Text(_asked(question)), "", sep="\n")
    for advice in advices:
        console.print(terminal_table(advice_table(question, advice)))


def asked(
    size: str,
    params: int,
    dtype: str,
    memory: str | None,
    accuracy: float,
    batch: int,
    task: str | None,
    regularizer: str | None,
) -> Question:
    """Return the question, checked.

    Raises:
        UserError: for a value that is not accepted; the message says what is.
    """
    catalogue = built_in()
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
