"""How far a solve is, on standard error: by the digits that its residual has gained."""

import math
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


class SolveProgress:
    """Show a bar, the steps and the residual of a solve, or of several that follow each other.

    On a terminal it is one live line; elsewhere one plain line when a solve begins and one when it ends. Use
    it as a context manager, `begin` each solve, and hand `seen` to it.
    """

    def __init__(self, solves: int, tolerance: float, console: Console | None = None) -> None:
        """Take how many solves there are, and the residual at which each is done."""
        self._console = console or Console(stderr=True, highlight=False)
        self._solves, self._tolerance = solves, tolerance
        self._number, self._first, self._label, self._last = 0, math.inf, "", ""
        self._live = Progress(
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[label]}", markup=False),
            console=self._console,
            refresh_per_second=4,
            disable=not self._console.is_terminal,
        )
        self._task = self._live.add_task("", total=1.0, label="compiling")

    def __enter__(self) -> "SolveProgress":
        """Start the live line if there is a terminal."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        del kind, error, trace
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._plain(self._last)

    def begin(self, number: int, label: str) -> None:
        """Name the solve that begins, by its place among all from 0."""
        if not self._console.is_terminal:
            self._plain(self._last)
            self._plain(f"{label}: begun")
        self._number, self._first, self._label, self._last = number, math.inf, label, ""

    def seen(self, steps: int, residual: float) -> None:
        """Show the steps and the residual of the solve that is going on."""
        self._first = residual if math.isinf(self._first) else self._first
        self._last = f"{self._label}: step {steps}, residual {residual:.1e} (until {self._tolerance:.0e})"
        done = (self._number + self.fraction(residual)) / self._solves
        self._live.update(self._task, completed=done, label=self._last)

    def fraction(self, residual: float) -> float:
        """Return which part of the digits between the first residual and the tolerance is gained."""
        if residual <= self._tolerance:
            return 1.0
        if not self._tolerance < residual < self._first < math.inf or not self._tolerance:
            return 0.0
        return math.log(self._first / residual) / math.log(self._first / self._tolerance)

    def _plain(self, line: str) -> None:
        if line:
            self._console.print(Text(line), soft_wrap=True)
