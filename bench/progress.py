"""Progress of a run on standard error: what is done, what is going on, and how long it will take."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text


class RunProgress:
    """Show cases done, time passed, an estimate of the time left, and the label of what is going on.

    On a terminal it is one live line, redrawn once a second; elsewhere, one plain line for each label when it
    begins. All of it goes to standard error. `before` cases come from an earlier, resumed run: they count as
    done, but the estimate rests on the groups of this run alone. Use it as a context manager.
    """

    def __init__(self, total: int, before: int = 0, console: Console | None = None) -> None:
        """Take the number of cases of the whole run, and of those that need not be run again."""
        self._console = console or Console(stderr=True)
        self._clock: Callable[[], float] = time.monotonic
        self._total, self._before, self._done = total, before, before
        self._start = self._clock()
        self._live = _live(self._console)
        self._task: TaskID = self._live.add_task("", total=total, completed=before, label="", left="")

    def __enter__(self) -> "RunProgress":
        """Start the clock, and the live line if there is a terminal."""
        self._start = self._clock()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        del error, trace
        if self._console.is_terminal:
            self._live.stop()
        elif kind is None:
            self._plain("done" if self._done >= self._total else "stopped")

    def begin(self, label: str) -> None:
        """Name what is about to run."""
        if self._console.is_terminal:
            self._live.update(self._task, label=label, left=self._left())
            self._live.refresh()  # at once: what runs now may end the process
        else:
            self._plain(label)

    def advance(self, cases: int) -> None:
        """Count the cases of a group that has just been recorded."""
        self._done += cases
        self._live.update(self._task, completed=self._done, left=self._left())

    def _elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self._clock() - self._start

    def _left(self) -> str:
        """Return the time left in words, or nothing before there is an estimate."""
        left = time_left(self._done - self._before, self._total - self._done, self._elapsed())
        return "" if left is None else f"about {duration(left)} left"

    def _plain(self, label: str) -> None:
        """Write one line that stands by itself in a log file."""
        times = ", ".join(filter(None, (f"{duration(self._elapsed())} passed", self._left())))
        self._console.print(Text(f"[{self._done}/{self._total}] {times}: {label}"), soft_wrap=True)


def time_left(done: int, remaining: int, elapsed: float) -> float | None:
    """Return an estimate in seconds: the mean time of a finished case for each one that remains.

    None before a case is finished. Caveat: suites run small problems first, so early estimates are low.
    """
    if remaining <= 0:
        return 0.0
    return elapsed / done * remaining if done > 0 else None


def duration(seconds: float) -> str:
    """Return `0:05` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _live(console: Console) -> Progress:
    """Return the live line: a slow redraw, as its thread shares the processors with what is timed."""
    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[label]}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,  # the label gets what the numbers leave, and is cut where that is too little
        refresh_per_second=1,
        disable=not console.is_terminal,
    )
