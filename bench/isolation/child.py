"""The process that measures: `python -m hypergrad_bench.bench.isolation.child`, asked on standard input.

One line of JSON says what run it is, each further line which of its cases are to be measured together. Lines
of JSON on standard output say what it is at and what it measured. Nothing that is read is ever executed.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from ..errors import UserError
from ..grid.selection import Selection
from ..grid.timing import Timing

if TYPE_CHECKING:
    from .listed_run import ListedRun

END_WITH_PARENT = 1
"""Linux's PR_SET_PDEATHSIG."""


AnySetup = TypeVar("AnySetup", bound=BaseModel)


class Setup(BaseModel):
    """The first line: of what run the cases are.

    Attributes:
        selection: what was asked for.
        timing: how its cases are timed and compiled.
        command: what was typed, for the records.
        device: what is computed on.
        arrays: the folder to keep arrays in, if they are kept.
        where: what records say of where they were made, beside the environment.
        processors: that it may use; all if there are none.
        start: a text that no other start of a run has: a worker that stays knows by it that files may have
            changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selection: Selection
    timing: Timing
    command: list[str]
    device: str
    arrays: Path | None = None
    where: dict[str, JsonValue] = {"isolated": True}
    processors: list[int] = []
    start: str = ""


def main() -> None:
    """Measure cases of a run until standard input ends."""
    serve(Setup, _measure)


def serve(
    setup: type[AnySetup], begun: Callable[[AnySetup, Callable[..., None]], Callable[[Sequence[str]], None]]
) -> None:
    """Answer until standard input ends.

    Args:
        setup: what the first line is.
        begun: from the first line, and what says something, to what measures cases by their names.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints must not get among the answers
    asked = setup.model_validate_json(sys.stdin.readline())
    try:
        measure = begun(asked, lambda **message: _say(answers, message))
        _say(answers, {"ready": True})
        for line in sys.stdin:
            measure(json.loads(line)["cases"])
            _say(answers, {"done": True})
    except UserError as error:
        _say(answers, {"refused": str(error)})


def _say(answers: TextIO, message: Mapping[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def prepared(setup: Setup) -> "ListedRun":
    """Return the cases of a run and what measures them; a GPU's memory is left to other processes too.

    Raises:
        UserError: for a device that cannot be reached, an unknown name, or a plug-in that cannot be used.
    """
    from ..catalogue.catalogue import built_in
    from ..catalogue.plugin import with_plugins
    from ..grid.expand import expand, unique
    from ..grid.request import request_of
    from ..machine.device import use_device
    from ..machine.environment import environment
    from ..measure.workbench import Context, Workbench
    from .listed_run import ListedRun

    if setup.processors:
        os.sched_setaffinity(0, setup.processors)  # before JAX makes its threads
    use_device(setup.device, spare=True)
    request = request_of(setup.selection, with_plugins(built_in(), list(setup.selection.plugins)))
    suite = setup.timing.compiled(request.suite)
    where = {**environment(), **setup.where}
    weighed = setup.device == "cpu"  # another process weighs for a GPU, before anything else has run in it
    context = Context(suite, setup.timing.clock, where, setup.command, weighed)
    return ListedRun(Workbench(context), unique(expand(request).groups))


def _measure(setup: Setup, say: Callable[..., None]) -> Callable[[Sequence[str]], None]:
    """Return what measures cases by their ids."""
    from ..measure.kept_arrays import keep_arrays
    from ..measure.workbench import Begun

    listed = prepared(setup)
    bench = listed.bench
    problem: list[Any] = [None]

    def begin(begun: Begun) -> None:
        say(begin=begun.label, case=begun.case and begun.case.id, timing=begun.timing)

    def measure(ids: Sequence[str]) -> None:
        group = listed.named(ids)
        if group[0].instance.problem() != problem[0]:
            bench.forget()
            problem[0] = group[0].instance.problem()
        for measured in bench.measure(group, begin):
            if setup.arrays is not None:
                keep_arrays(setup.arrays, measured)
            say(record=measured.record.to_line())

    return measure


def lines_of(text: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Read the answers of a child; a line that it could not finish is left out."""
    for line in text:
        with contextlib.suppress(ValueError):
            answer = json.loads(line)
            if isinstance(answer, dict):
                yield answer


if __name__ == "__main__":
    main()
