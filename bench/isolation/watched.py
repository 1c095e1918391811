"""A child process that is watched: how long it is silent, and how much memory it takes."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from ..errors import UserError
from ..machine.memory import ONE_ARENA, host_memory_limit, resident_bytes
from ..records.status import Status
from .child import lines_of
from .limits import LONGEST, Death, IsolationLimits

LOOK_EVERY = 0.1
"""Seconds between two looks at the memory."""
GRACE = 2.0
"""Seconds for what is on its way once a process has ended."""
LAST_LINES, LAST_BYTES = 5, 4000
"""Of what it wrote to standard error, that count as evidence."""


class WatchedChild:
    """A process that measures groups of one run, until it dies or is closed.

    Args:
        setup: the first line that it reads.
        limits: how long and how large it may be.
        program: its name as a module of this package's `bench.isolation`.
    """

    def __init__(self, setup: BaseModel, limits: IsolationLimits, program: str = "child") -> None:
        """Start it, in a session of its own: an interrupt is the parent's alone."""
        self._limits = limits
        self._memory = limits.memory_bytes or host_memory_limit()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.{program}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | ONE_ARENA,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._at, self._case, self._timing = "starting", None, False
        self._send(setup.model_dump_json())
        self.death: Death | None = None

    def start(self) -> None:
        """Wait until it is ready.

        Raises:
            UserError: if it ends before, with what it wrote, or refuses what it is asked.
        """
        for answer in self._heard(LONGEST):
            if "ready" in answer:
                return
        assert self.death is not None
        raise UserError(f"the process that measures ended before it began: {self.death.evidence}")

    def measure(self, ids: Sequence[str], begin: Callable[[str], None]) -> Iterator[str]:
        """Yield the lines of records of cases that share an instance; tell what it is at.

        If it dies, the lines end and `death` says how.

        Raises:
            UserError: if an array cannot be kept.
        """
        self._send(json.dumps({"cases": list(ids)}))
        for answer in self._heard(self._limits.seconds):
            if "done" in answer:
                return
            if "record" in answer:
                yield answer["record"]
            elif "begin" in answer:
                self._at, self._case = str(answer["begin"]), answer["case"]
                self._timing = bool(answer["timing"])
                begin(self._at)

    def close(self) -> None:
        """End it, and whatever it started."""
        self._kill()
        # A process that left its session can hold the pipe open for as long as it likes.
        self._reader.join(timeout=GRACE)
        for stream in filter(None, (self._process.stdin, self._errors)):
            # What was not read by a process that died is lost with it.
            with contextlib.suppress(OSError):
                stream.close()

    def _send(self, line: str) -> None:
        requests = self._process.stdin
        assert requests is not None
        try:
            requests.write(line + "\n")
            requests.flush()
        except OSError:
            return  # it has died: its answers end, and that is looked at

    def _read(self) -> None:
        replies = self._process.stdout
        assert replies is not None
        with replies:
            for answer in lines_of(iter(replies)):
                self._answers.put(answer)
        self._answers.put(None)

    def _heard(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield what it says, until it dies or has to be killed."""
        last = time.monotonic()
        while self.death is None:
            ended = self._process.poll() is not None
            try:
                answer = self._answers.get(timeout=GRACE if ended else LOOK_EVERY)
            except queue.Empty:
                # Processes that it started may hold its pipe open.
                answer = None if ended else {}
            if answer is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(GRACE)
                self.death = self._died(Status.CRASHED, _how(self._process.poll()))
            elif "refused" in answer:
                raise UserError(str(answer["refused"]))
            elif answer:
                last = time.monotonic()
                yield answer
            elif (size := resident_bytes(self._process.pid) or 0) > self._memory:
                limit = f"{self._memory / 2**30:.2f} GiB"
                said = f"the process took {size / 2**30:.2f} GiB of memory; at most {limit} are accepted"
                self.death = self._died(Status.OUT_OF_MEMORY, said)
            elif time.monotonic() - last > seconds:
                said = f"the process was at one thing for more than {seconds:g} s"
                self.death = self._died(Status.TIMED_OUT, said)

    def _died(self, status: Status, how: str) -> Death:
        self._kill()
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - LAST_BYTES))
        written = self._errors.read().decode(errors="replace").strip().splitlines()[-LAST_LINES:]
        lines = [f"{how}, at: {self._at}", *(["its last lines:", *written] if written else [])]
        return Death(status, "\n".join(lines), self._case, self._timing)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _how(status: int | None) -> str:
    if status is None:
        return "the process closed its answers and did not end"
    if status >= 0:
        return f"the process ended itself with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "of unknown name"
    return f"the process was ended by signal {-status} ({name})"
