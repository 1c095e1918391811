"""Child processes in which contenders run that are no JAX programs."""

import atexit
import functools
import subprocess
import sys
import threading
from pathlib import Path

from .child_protocol import Arrays, receive, send


class Child:
    """A child process that answers one request at a time."""

    def __init__(self, script: str, *arguments: str) -> None:
        """Start a script of this folder, or any by its absolute path."""
        path = Path(__file__).parent / script
        self._process = subprocess.Popen(
            [sys.executable, str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, request: Arrays) -> Arrays:
        """Send a request and return the reply.

        Raises:
            RuntimeError: with the child's message, or if it has died.
        """
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        with self._lock:
            try:
                send(requests, request)
                reply = receive(replies)
            except BrokenPipeError:
                reply = None
        if reply is None:
            raise RuntimeError(f"the child process ended with status {self._process.wait()}")
        if "error" in reply:
            raise RuntimeError(str(reply["error"]))
        return reply

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(timeout=10)


@functools.cache
def child(script: str, *arguments: str) -> Child:
    """Return the one child of a script with these arguments, started at the first call."""
    return Child(script, *arguments)
