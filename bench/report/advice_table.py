"""An advice as a table, with how far the recorded problem is from the one that was asked about."""

from .advice import Advice, Fit, Option, Question, Recorded, fit
from .columns import mebibytes, milliseconds, scientific
from .tables import EMPTY, unbracketed
from .text_table import TextTable

_FITS: dict[Fit, str] = {"yes": "yes", "no": "no", "unknown": "not measured"}


def advice_table(question: Question, advice: Advice) -> TextTable:
    """Return the verdict as heading, the nearest recorded problem, its rows, and what they do not tell."""
    problem = advice.nearest.problem
    return TextTable(
        heading=f"{problem.task}, {unbracketed(problem.regularizer)}: {_verdict(question, advice)}",
        text=f"Nearest recorded: {_name(advice.nearest)}, in {advice.nearest.folder}",
        columns=("method", "solver", "error", "ms", "MiB", "fits", "record"),
        lines=[_line(question, advice.nearest, option) for option in advice.options],
        words=("solver", "fits", "record"),
        remarks=remarks(question, advice),
    )


def remarks(question: Question, advice: Advice) -> list[str]:
    """Say how far the nearest problem is, what its figures are of, and what else is known there."""
    nearest = advice.nearest
    differences = distances(question, nearest)
    far = f"differs from yours in {', '.join(differences)}" if differences else "is of your size"
    sentences = [
        f"the recorded problem {far}; task, regulariser and precision are those named above",
        f"seconds and memory are of that problem, size {nearest.problem.size}, on the machine that recorded "
        "them, and not extrapolated to yours",
    ]
    if differences:
        sentences.append(
            "error, steps and ranking may be others at yours; measure it with "
            "`hgb run --suite frontier --size ...`"
        )
    if advice.missed:
        misses = [f"{method} ({scientific(error)})" for method, _, error in advice.missed[:5]]
        sentences.append(f"recorded there, but not that accurate at any budget: {', '.join(misses)}")
    return sentences


def distances(question: Question, nearest: Recorded) -> list[str]:
    """Name what differs between the question and a recorded problem, with the factor; empty if nothing."""
    size = "x".join(map(str, question.shape))
    differences = []
    if size != nearest.problem.size:
        factor = question.pixels / nearest.pixels
        differences.append(f"size ({nearest.problem.size}; yours has {factor:.3g} times the pixels)")
    if question.batch != nearest.problem.batch:
        differences.append(f"batch ({nearest.problem.batch}; yours is {question.batch})")
    if nearest.parameters is None:
        differences.append("parameters (an unknown number)")
    elif question.parameters != nearest.parameters:
        differences.append(f"parameters ({nearest.parameters}; yours are {question.parameters})")
    return differences


def _verdict(question: Question, advice: Advice) -> str:
    best = advice.best(question)
    if best is not None:
        name = f"use {best.method} with {unbracketed(best.solver)}"
        known = fit(question, advice.nearest, best.point) == "yes"
        return name if known else f"{name}, if it fits: its memory at your size was not measured"
    if advice.options:
        return "no method that reaches the accuracy is within the memory"
    if not advice.nearest.frontier.knows(question.accuracy):
        return "no recorded reference is known to that accuracy"
    return "no recorded method reaches the accuracy"


def _name(recorded: Recorded) -> str:
    count = "an unknown number of" if recorded.parameters is None else recorded.parameters
    return f"{recorded.problem.title()}, {count} parameters"


def _line(question: Question, nearest: Recorded, option: Option) -> list[str]:
    point = option.point
    error = f"<{scientific(point.bound)}" if point.error <= point.bound else scientific(point.error)
    time = EMPTY if point.seconds is None else milliseconds(point.seconds)
    memory = EMPTY if point.memory is None else mebibytes(point.memory)
    fits = "" if question.memory is None else _FITS[fit(question, nearest, point)]
    return [option.method, unbracketed(option.solver), error, time, memory, fits, point.ids[0]]
