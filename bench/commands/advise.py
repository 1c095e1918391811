"""`hgb advise`: which method to use for a problem like mine."""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import UserError, nearest
from ..grid.catalogue import built_in
from ..grid.expand import shape_of
from ..grid.suites import TOLERANCES
from ..machine.device import use_device
from ..report.advice import NEAR, Advice, Option, Question, Recorded, advise, recorded_problems
from ..report.columns import mebibytes, milliseconds, scientific
from ..report.tables import EMPTY, label
from ..report.terminal import PIPED_WIDTH, print_lines
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
    task: Annotated[str | None, typer.Option(help="denoising, inpainting or deconvolution.")] = None,
    regularizer: Annotated[str | None, typer.Option(help="analysis-l1 or fields-of-experts.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A run's folder; can be repeated. Else all of results/, and the package's recorded runs.",
        ),
    ] = None,
) -> None:
    """Say which method to use for a problem like mine, from recorded results; nothing is measured.

    Of every task and regulariser the nearest recorded problem is shown, with the methods that reach the
    accuracy there, by the time that they would take. What is extrapolated is called so.

    Example:
        hgb advise --size 256x256 --params 80 --memory 2GiB --accuracy 1e-4 --task deconvolution
    """
    question = _question(size, params, dtype, memory, accuracy, batch, task, regularizer)
    use_device("cpu")
    folders = list(source) if source else recorded_folders()
    if not folders:
        raise UserError(
            f"no recorded run in {RESULTS}/ and {SHIPPED}; make one with `hgb run`, or name one with --from"
        )
    read = readings(folders)
    print_lines("left out", (line for reading in read.values() for line in reading.bad_lines))
    recorded = recorded_problems({folder: reading.records for folder, reading in read.items()})
    found = advise(question, recorded)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    console.print(Text(_asked(question)))
    for advice in found:
        _print(console, question, advice)


def _question(
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
        None if task is None else next(iter(catalogue.pick("tasks", [task]))),
        None if regularizer is None else next(iter(catalogue.pick("regularizers", [regularizer]))),
    )


def bytes_of(text: str) -> float:
    """Read an amount of memory such as 2GiB, 500 MB or 1.5e9; raise `UserError` for another text."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?(?:e\d+)?)\s*([kmgt]?i?b)?", text.strip(), re.IGNORECASE)
    unit = (match[2] or "B").upper() if match else ""
    if match is None or unit not in _UNITS or float(match[1]) == 0:
        raise UserError(
            f"memory is {text!r}; a number with B, KiB, MiB, GiB, KB, MB or GB such as 2GiB is accepted"
        )
    return float(match[1]) * _UNITS[unit]


def _asked(question: Question) -> str:
    size = "x".join(map(str, question.shape))
    limit = "" if question.memory is None else f", memory at most {question.memory / 2**20:.6g} MiB"
    return (
        f"{size}, {question.parameters} parameters, {question.dtype}, batch {question.batch}: error at most "
        f"{question.accuracy:g}{limit}"
    )


def _print(console: Console, question: Question, advice: Advice) -> None:
    problem = advice.nearest.problem
    console.print()
    console.print(
        Text(f"{problem.task}, {label(problem.regularizer)}: {_verdict(question, advice)}", style="bold")
    )
    console.print(
        Text(f"Nearest recorded: {_name(advice.nearest)}, in {advice.nearest.folder}"), soft_wrap=True
    )
    if advice.options:
        console.print(_table(question, advice.options))
    for caveat in caveats(question, advice):
        console.print(Text(f"- {caveat}"))


def _verdict(question: Question, advice: Advice) -> str:
    best = next((option for option in advice.options if option.fits(question)), None)
    if best is not None:
        return f"use {best.method} with {label(best.solver)}"
    if advice.options:
        return "no method that reaches the accuracy is within the memory"
    if not advice.nearest.frontier.knows(question.accuracy):
        return "no recorded reference is known to that accuracy"
    return "no recorded method reaches the accuracy"


def _name(recorded: Recorded) -> str:
    count = "an unknown number of" if recorded.parameters is None else recorded.parameters
    return f"{recorded.problem.title()}, {count} parameters"


def _table(question: Question, options: tuple[Option, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in ("method", "solver"):
        table.add_column(name, overflow="fold")
    for name in ("error", "recorded\nms", "recorded\nMiB", "estimated\nms", "estimated\nMiB", "fits"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("record", no_wrap=True)
    for option in options:
        point = option.point
        error = f"<{scientific(point.bound)}" if point.error <= point.bound else scientific(point.error)
        times = [EMPTY if one is None else milliseconds(one) for one in (point.seconds, option.seconds)]
        sizes = [EMPTY if one is None else mebibytes(one) for one in (point.memory, option.memory)]
        fits = "" if question.memory is None else "yes" if option.fits(question) else "no"
        cells = (error, times[0], sizes[0], times[1], sizes[1], fits, point.ids[0])
        table.add_row(Text(option.method), Text(label(option.solver)), *map(Text, cells))
    return table


def caveats(question: Question, advice: Advice) -> list[str]:
    """Say what the advice does not know."""
    nearest, found = advice.nearest, ["times are of the machine that recorded them, not of yours"]
    factor = question.pixels / nearest.pixels
    if factor != 1:
        how = "linear in pixels, since no second size was recorded"
        if advice.second is not None:
            sizes = f"{advice.second.problem.size} and {nearest.problem.size}"
            how = f"powers of pixels, at least linear, from {sizes}"
        found.append(f"extrapolated to {factor:.3g} times the pixels: {how}")
    if not 1 / NEAR <= factor <= NEAR:
        found.append(
            "nothing recorded is near: the error, the steps and the ranking may all be others at your size; "
            "measure it with `hgb run --suite frontier --size ...`"
        )
    if question.batch != nearest.problem.batch:
        found.append(f"scaled from a batch of {nearest.problem.batch}, in proportion")
    if nearest.parameters is None or question.parameters != nearest.parameters:
        known = "an unknown number" if nearest.parameters is None else nearest.parameters
        found.append(
            f"recorded with {known} parameters: only methods that move one after the other are scaled by "
            "them, and a larger regulariser makes every step slower"
        )
    if advice.missed:
        misses = [f"{method} ({scientific(floor)})" for method, _, floor in advice.missed[:5]]
        found.append(f"recorded there, but not that accurate at any budget: {', '.join(misses)}")
    return found
