"""`hgb reproduce`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .complete import complete
from .shared_options import CaseMemory, CaseSeconds, Scheduler, Workers
from .start_jax import start_jax


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Which, or a paper, or all; without a name they are listed.",
            autocompletion=complete("reproductions"),
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, few rounds: does it run?")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of its rows and page; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the one in this folder.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="A folder of your images: trained on (blorc-training: the first; elder-training and "
            "restarted-training: all; untied-training: its mnist/ and celeba20/), or tested on "
            "(ridge-training)."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    case_seconds: CaseSeconds = None,
    case_memory: CaseMemory = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Measure one claim, or a paper's one after the other, and print tables and verdicts.

    The name of a paper (blorc, elder, deq-vs-bilevel, restarted) stands for its reproductions, all for those
    of every paper; --out then takes a folder for each. Rows are written as they are made: one that was
    stopped goes on with --resume.

    Examples:
        hgb reproduce

        hgb reproduce blorc-timing

        hgb reproduce blorc-timing --quick

        hgb reproduce blorc --quick

        hgb reproduce stress --case-seconds 600 --case-memory 8

        hgb reproduce --resume results/local/20260101-120000-blorc-timing
    """
    start_jax()
    from ..commands import reproduce as command
    from ..distributing.cluster import workers_asked_for
    from ..isolation.limits import limits_given

    limits = limits_given(case_seconds, case_memory)
    on = workers_asked_for(workers, scheduler, device)
    command.reproduce(name, quick, out, resume, images, limits, device, on)
