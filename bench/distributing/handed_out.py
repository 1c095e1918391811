"""Hand pieces of work to workers, and take what they return as it comes."""

import contextlib
import importlib
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from ..errors import UserError
from .cluster import replace_lost
from .group_task import forget
from .waiting import Piece, WaitingPieces

ATTEMPTS = 20
"""How often a piece is handed out whose worker is lost, where the scheduler gives up on it."""
NOBODY = ""
"""Whose a piece is that was handed out before there was a worker."""
LOOK_EVERY = 2.0
"""Seconds between two looks at who is there."""
FETCH = 10.0
"""Seconds for what a worker returned to come, or the worker is gone with it."""
PER_WORKER = 2
"""Pieces that are handed out and not done, for each worker: it does one, and the next one lies ready."""


def handed_out(client: Any, pieces: Sequence[Piece], begin: Callable[[str], None]) -> Iterator[Any]:
    """Yield what workers return of one piece after the other, in the order in which they are done.

    A piece whose worker dies is handed to another one. One that is lost again and again costs itself alone.

    Args:
        client: a `distributed.Client`.
        pieces: what is to be done.
        begin: is told what is going on.

    Raises:
        UserError: if a worker cannot do its piece; once all others are done, if one was lost again and again.
    """
    waiting, lost, given_up = WaitingPieces(pieces), Counter[int](), list[str]()
    handed = _Handed(client)
    there: Set[str] = frozenset()
    look = 0.0
    try:
        while waiting or handed:
            if time.monotonic() >= look:  # with a thousand workers that takes longer than to record a group
                there, look = _workers(client), time.monotonic() + LOOK_EVERY
                replace_lost(client, len(there))
                if not there:
                    begin("no worker is there yet, or none any more: waiting")
            for worker in handed.with_room(there):
                if not waiting:
                    break
                number = waiting.take(worker, there)
                begin(f"handed out: {pieces[number].name}")
                handed.add(number, pieces[number], worker)
            for number, future, result in handed.ended():
                if future.status == "finished":
                    yield result
                    continue
                _refuse_but_lost(client, future)
                name = pieces[number].name
                lost[number] += 1
                if lost[number] >= ATTEMPTS:
                    given_up.append(name)
                else:
                    begin(f"a worker was lost, again: {name}")
                    waiting.put_back(number)
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.run(forget, on_error="ignore")
    if given_up:
        others = f", as did {len(given_up) - 1} others" if len(given_up) > 1 else ""
        raise UserError(
            f"{given_up[0]} lost its worker {ATTEMPTS} times{others}; everything else is done, and --resume "
            "tries again"
        )


class _Handed:
    """Pieces that are handed out and not done, and how many each worker was given of them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._whose: dict[Any, tuple[int, str]] = {}
        self._has = Counter[str]()
        self._ended = queue.SimpleQueue[Any]()

    def __bool__(self) -> bool:
        return bool(self._whose)

    def with_room(self, there: Set[str]) -> Iterator[str]:
        """Yield workers that have too little, first those with nothing; nobody, where nobody is there."""
        names = there or [NOBODY]
        for few in range(PER_WORKER):
            yield from (one for one in names if self._has[one] <= few)

    def add(self, number: int, piece: Piece, worker: str) -> None:
        """Hand a piece to a worker; to any, if it is nobody's: some clusters start workers only for that."""
        to = {"workers": [worker], "allow_other_workers": True} if worker != NOBODY else {}
        future = self._client.submit(piece.task, *piece.arguments, pure=False, retries=0, **to)
        self._whose[future] = number, worker
        self._has[worker] += 1
        future.add_done_callback(self._ended.put)

    def ended(self) -> Iterator[tuple[int, Any, Any]]:
        """Yield the number, the future and the result of each that has ended; wait a while for the first.

        Where a worker died with what it had done, another one does it again: that ends once more, and is not
        waited for here, as there may be no other one.
        """
        with contextlib.suppress(queue.Empty):
            future = self._ended.get(timeout=LOOK_EVERY)
            while True:
                here, result = _fetched(future)
                if not here:
                    future.add_done_callback(self._ended.put)
                    return
                number, worker = self._whose.pop(future)
                self._has[worker] -= 1
                yield number, future, result
                future = self._ended.get_nowait()


def _fetched(future: Any) -> tuple[bool, Any]:
    """Return whether a piece has ended for good, and what it returned if it did."""
    if future.status != "finished":
        return future.done(), None
    try:
        return True, future.result(timeout=FETCH)
    except TimeoutError:
        return False, None
    except Exception:
        if future.status == "finished":  # it came and cannot be read
            raise
        return future.done(), None


def _workers(client: Any) -> Set[str]:
    """Return the workers' addresses; raise `UserError` if the scheduler does not answer."""
    if client.status != "running":
        raise _gone()
    try:
        return dict(client.nthreads()).keys()
    except (OSError, TimeoutError) as error:
        raise _gone() from error


def _refuse_but_lost(client: Any, future: Any) -> None:
    """Raise `UserError` for a task that failed, unless its worker died."""
    killed_worker = importlib.import_module("distributed").scheduler.KilledWorker
    if client.status != "running":
        raise _gone()
    error = None if future.status == "cancelled" else future.exception()
    if error is not None and not isinstance(error, killed_worker):
        raise UserError(f"a worker cannot measure: {error}") from error


def _gone() -> UserError:
    return UserError("the scheduler is gone; what is recorded is kept, and --resume goes on")
