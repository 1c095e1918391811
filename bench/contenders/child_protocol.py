"""How a contender's child process is spoken to; imported by its script, without this package.

Requests come on standard input, replies go to standard output: eight bytes of length and an `.npz` archive.
Nothing that is read is ever executed.
"""

import io
import os
import struct
import sys
import warnings
from collections.abc import Callable
from typing import IO

import numpy as np
from jaxtyping import Shaped

Arrays = dict[str, Shaped[np.ndarray, "..."]]


def serve(answer: Callable[[Arrays], Arrays]) -> None:
    """Answer requests until standard input ends; what goes wrong is the reply's `error`."""
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get among the replies
    while (request := receive(sys.stdin.buffer)) is not None:
        try:
            reply = answer(request)
        except Exception as error:  # a library may raise anything
            reply = {"error": np.asarray(f"{type(error).__name__}: {error}")}
        send(replies, reply)


def send(stream: IO[bytes], arrays: Arrays) -> None:
    """Write one message."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    stream.write(struct.pack("<q", packed.tell()) + packed.getvalue())
    stream.flush()


def receive(stream: IO[bytes]) -> Arrays | None:
    """Read one message; None at the end."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    with np.load(io.BytesIO(stream.read(struct.unpack("<q", head)[0])), allow_pickle=False) as archive:
        return dict(archive)
