"""What `hgb run` and `hgb reproduce` do alike: measure what is missing, and stop so that it can go on."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import typer

from ..errors import UserError
from ..measure.self_test import self_test
from ..progress import RunProgress
from ..report.terminal import print_lines
from ..runs.folder import OpenFolder, RunFolder
from ..runs.provenance import now
from .notices import say, warn


@runtime_checkable
class Measuring(Protocol):
    """A run or a reproduction whose folder is open."""

    @property
    def opened(self) -> OpenFolder[Any, Any]:
        """Its folder."""
        ...

    @property
    def cases(self) -> int:
        """How many cases it has."""
        ...

    @property
    def done(self) -> int:
        """How many of them were recorded when the folder was opened."""
        ...

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record the others."""
        ...


def typed() -> list[str]:
    """Return the command as it was typed."""
    return ["hgb", *sys.argv[1:]]


@contextlib.contextmanager
def kept_on_refusal(resume: str) -> Iterator[None]:
    """Say of what is refused in the middle, as by a full disk, by which command it goes on."""
    try:
        yield
    except UserError:
        say(f"stopped; what is recorded is kept: {resume} goes on")
        raise


def measure(started: AbstractContextManager[Measuring], folder: RunFolder[Any, Any]) -> None:
    """Let the clock test itself, then measure what is missing; say on standard error what happens.

    Raises:
        typer.Exit: with status 130, on an interrupt; what is recorded is kept.
    """
    try:
        with started as running:
            opened = running.opened
            print_lines(f"set aside in {folder.journal.rejected.name}", opened.writer.rejected)
            say(f"{running.done} of {running.cases} cases recorded, in {folder.path}")
            if running.done < running.cases:
                test = self_test(now())
                opened.note_clock(test)
                warn(filter(None, [test.fault]))
            with RunProgress(running.cases, before=running.done) as progress, kept_on_refusal(folder.resume):
                running.measure_missing(progress)
    except KeyboardInterrupt:
        say(f"stopped; what is recorded is kept: {folder.resume} goes on")
        raise typer.Exit(130) from None
